// Times and ids as they stand on the wire.

using System.Globalization;
using Dispatcher.Platform;
using FsCheck;
using FsCheck.Fluent;

namespace Dispatcher.Tests.Properties;

public sealed class TimeAndIdProperties
{
    private static readonly Gen<DateTimeOffset> Instant =
        from ticks in Inputs.Long
        select new DateTimeOffset((long)((ulong)ticks % (ulong)DateTimeOffset.MaxValue.Ticks), TimeSpan.Zero);

    /// <summary>Instants that UUIDv7s are made of: from 1970 on.</summary>
    private static readonly Gen<DateTimeOffset> Recent = Instant.Where(at => at >= DateTimeOffset.UnixEpoch);

    [Fact]
    public void A_time_that_is_written_reads_back_to_the_millisecond() => Property.Holds(
        Instant, at =>
        {
            Assert.True(Rfc3339Converter.TryParse(Rfc3339Converter.ToText(at), out var read));
            Assert.Equal(at.Ticks - (at.Ticks % TimeSpan.TicksPerMillisecond), read.UtcTicks);
        });

    [Fact]
    public void Written_times_sort_as_the_instants_do() => Property.Holds(
        Gen.Two(Instant), x => Assert.True(
            Math.Sign(string.CompareOrdinal(Rfc3339Converter.ToText(x.Item1), Rfc3339Converter.ToText(x.Item2))) * (x.Item1 - x.Item2).Ticks >= 0));

    [Fact]
    public void Every_form_of_rfc_3339_is_read_as_the_instant_that_it_means() => Property.Holds(
        from at in Instant
        where at.Year is > 1 and < 9999
        from minutes in Gen.Choose(-14 * 60, 14 * 60)
        from digits in Gen.Choose(0, 12)
        from lower in Gen.Elements(true, false)
        from z in Gen.Elements("Z", "+00:00", "-00:00", null)
        select (At: at, Offset: TimeSpan.FromMinutes(z is null ? minutes : 0), Digits: digits, Lower: lower, Z: z),
        x =>
        {
            var local = x.At.ToOffset(x.Offset);
            var all = local.ToString("fffffff", CultureInfo.InvariantCulture) + "98765";
            var zone = x.Z ?? (x.Offset < TimeSpan.Zero ? "-" : "+") + x.Offset.ToString("hh\\:mm", CultureInfo.InvariantCulture);
            var text = local.ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture) + (x.Digits > 0 ? "." + all[..x.Digits] : "") + zone;
            var unit = (long)Math.Pow(10, Math.Max(0, 7 - x.Digits));

            Assert.True(Rfc3339Converter.TryParse(x.Lower ? text.ToLowerInvariant() : text, out var read), text);
            Assert.Equal(x.At.UtcTicks - (x.At.UtcTicks % unit), read.UtcTicks);
        });

    [Fact]
    public void Text_that_is_no_time_is_refused_and_never_throws() => Property.Holds(
        Gen.OneOf(Inputs.Garbage(40), Inputs.From("0123456789-:TZ.+ ", 0, 35)),
        text => Assert.False(Rfc3339Converter.TryParse(text, out _) && text.Length < 20));

    [Theory]
    [InlineData("2023-10-01")]
    [InlineData("2023-10-01T12:00Z")]
    [InlineData("2023-10-01T12:00-02:00")]
    [InlineData("2023-10-01T12:00:00")]
    [InlineData("2023-10-01 12:00:00Z")]
    [InlineData("2023-10-01T12:00:00 Z")]
    [InlineData("2023-10-01T12:00:00+0200")]
    [InlineData("2023-10-01T12:00:00+02")]
    [InlineData("2023-10-01T12:00:00.Z")]
    [InlineData("2023-10-01T12:00:00,5Z")]
    [InlineData("2023-10-01T24:00:00Z")]
    [InlineData("2023-10-01T23:59:60Z")]
    [InlineData("2023-02-29T12:00:00Z")]
    [InlineData("2023-13-01T12:00:00Z")]
    [InlineData("0001-01-01T00:00:00+00:01")]
    [InlineData("٢٠٢٣-10-01T12:00:00Z")]
    [InlineData("2023-10-01T12:00:00Z\n")]
    [InlineData("+2023-10-01T12:00:00Z")]
    public void Anything_looser_is_refused(string text) => Assert.False(Rfc3339Converter.TryParse(text, out _));

    [Theory]
    [InlineData("0001-01-01T00:00:00Z")]
    [InlineData("9999-12-31T23:59:59.9999999999Z")]
    [InlineData("2024-02-29T12:00:00.5+14:00")]
    public void The_first_and_the_last_instant_are_times(string text) => Assert.True(Rfc3339Converter.TryParse(text, out _));

    [Fact]
    public void An_id_reads_back_under_its_own_prefix_and_no_other() => Property.Holds(
        from bytes in Inputs.Bytes(16, 16)
        from prefixes in Gen.Two(Gen.Elements(Ids.Integration, Ids.Event, Ids.Delivery, Ids.ApiKey, Ids.Organization, Ids.Project, Ids.Job, Ids.Task))
        select (Id: new Guid(bytes, bigEndian: true), Own: prefixes.Item1, Other: prefixes.Item2),
        x =>
        {
            var text = Ids.Format(x.Own, x.Id);

            Assert.True(Ids.TryParse(x.Own, text, out var read));
            Assert.Equal(x.Id, read);
            Assert.Equal(x.Own == x.Other, Ids.TryParse(x.Other, text, out _));
        });

    [Fact]
    public void Text_that_is_no_id_is_refused_and_never_throws() => Property.Holds(
        Gen.OneOf(Inputs.Garbage(40), Inputs.From("0123456789abcdefg-{}() ", 30, 34).Select(text => Ids.Event + text)),
        text => Assert.False(Ids.TryParse(Ids.Event, text, out _) && (text.Length != 36 || text[4..].Any(c => !char.IsAsciiHexDigit(c)))));

    [Fact]
    public void Ids_sort_by_the_time_that_they_were_made_at_and_tell_it() => Property.Holds(
        Gen.Two(Recent), x =>
        {
            var (earlier, later) = x.Item1 <= x.Item2 ? x : (x.Item2, x.Item1);
            if (later - earlier < TimeSpan.FromMilliseconds(1)) return;
            var (first, second) = (new UuidSequence().Next(earlier), new UuidSequence().Next(later));

            Assert.True(string.CompareOrdinal(Ids.Format(Ids.Event, first), Ids.Format(Ids.Event, second)) < 0);
            Assert.Equal(earlier.ToUnixTimeMilliseconds(), Ids.TimeOf(first).ToUnixTimeMilliseconds());
        });

    [Fact]
    public void The_floor_of_an_instant_is_below_what_is_made_then_and_above_what_was_made_before() => Property.Holds(
        Recent.Where(at => at > DateTimeOffset.UnixEpoch.AddSeconds(1)), at =>
        {
            var floor = Ids.Format(Ids.Event, Ids.Floor(at));

            Assert.True(string.CompareOrdinal(floor, Ids.Format(Ids.Event, new UuidSequence().Next(at))) < 0);
            Assert.True(string.CompareOrdinal(floor, Ids.Format(Ids.Event, new UuidSequence().Next(at.AddMilliseconds(-1)))) > 0);
        });
}
