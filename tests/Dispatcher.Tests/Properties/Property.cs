// How a property is put to the test: many inputs from one seed, and a failure that can be had again.

using System.Runtime.CompilerServices;
using Dispatcher.Tests.Support;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.FSharp.Core;

namespace Dispatcher.Tests.Properties;

internal static class Property
{
    /// <summary>Asserts something of every input that is drawn. A failure shows the input and the seed.</summary>
    /// <param name="inputs">What to draw.</param>
    /// <param name="assertion">Throws where the property does not hold.</param>
    /// <param name="runs">How many inputs, at the usual effort.</param>
    /// <param name="name">The property's sentence.</param>
    public static void Holds<T>(Gen<T> inputs, Action<T> assertion, int runs = 300, [CallerMemberName] string name = "")
    {
        var replay = new Replay(new Rnd(Chance.Seed), FSharpOption<int>.None);
        var config = Config.QuickThrowOnFailure.WithName(name).WithMaxTest(runs * Chance.Effort).WithQuietOnSuccess(true)
            .WithReplay(FSharpOption<Replay>.Some(replay));
        try
        {
            Check.One(config, Prop.ForAll(inputs.ToArbitrary(), assertion));
        }
        catch (Exception e)
        {
            Assert.Fail($"{name}: {Chance.Replay}.\n{e.Message}");
        }
    }

    /// <summary>Inputs for what is better done with all of them at once.</summary>
    public static T[] Draw<T>(Gen<T> inputs, int count) => inputs.Sample(numberOfSamples: count * Chance.Effort, seed: new Rnd(Chance.Seed), size: 50);
}
