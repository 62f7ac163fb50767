// What the server said that it made and removed, to be compared with what is there.

using System.Collections.Concurrent;
using System.Text.Json;
using Dispatcher.Tests.Api;

namespace Dispatcher.Tests.Fuzz;

/// <summary>Rows by table, each named by its organization and its id where ids are an organization's own.</summary>
internal sealed class Ledger
{
    private readonly ConcurrentDictionary<(string Table, string Id), bool> _made = [];
    private readonly ConcurrentDictionary<(string Table, string Id), bool> _gone = [];

    /// <summary>How many deliveries the server said an event has.</summary>
    public ConcurrentDictionary<string, int> Deliveries { get; } = [];

    public IEnumerable<string> Expected(string table, IEnumerable<string> before) =>
        _made.Keys.Where(k => k.Table == table).Select(k => k.Id).Concat(before).Where(id => !_gone.ContainsKey((table, id))).Distinct();

    public int Made(string table) => _made.Keys.Count(k => k.Table == table);

    /// <summary>Notes an answer of 2xx.</summary>
    public void Note(FuzzRequest request, string pattern, int status, string text)
    {
        if (request.Method is not ("POST" or "DELETE")) return;
        var answer = text.Length == 0 ? default : JsonElement.Parse(text);
        switch ($"{request.Method} {pattern}")
        {
            case "POST organizations" when status == 201: Add("organization", answer.Text("id")); break;
            case "POST projects" when status == 201: Add("project", $"{request.Organization}/{answer.Text("id")}"); break;
            case "POST api-keys" when status == 201: Add("api_key", answer.Text("id")); break;
            case "POST integrations" when status == 201: Add("integration", $"{request.Organization}/{answer.Text("id")}"); break;
            case "POST event-types" when status == 201: Add("event_type", answer.Text("name")); break;
            case "POST jobs" when status == 201: Add("job", $"{request.Organization}/{answer.Text("id")}"); break;
            case "POST events" when status == 202: Published(request, answer); break;
            case "POST integrations/{id}/test": Add("event", $"{request.Organization}/{answer.Text("event_id")}"); break;
            case "POST integrations/{id}/recover" or "POST integrations/{id}/replay" or "POST deliveries/bulk": Add("task", answer.Text("id")); break;
            case "POST events/batch":
                foreach (var item in answer.Data().Where(i => !i.TryGetProperty("error", out _))) Published(request, item);
                break;
            case "POST jobs/batch":
                foreach (var item in answer.Data().Where(i => !i.TryGetProperty("error", out _))) Add("job", $"{request.Organization}/{item.Text("id")}");
                break;
            case "DELETE organizations/{id}": Remove("organization", Last(request)); break;
            case "DELETE projects/{id}": Remove("project", $"{request.Organization}/{Last(request)}"); break;
            case "DELETE api-keys/{id}": Remove("api_key", Last(request)); break;
            case "DELETE integrations/{id}": Remove("integration", $"{request.Organization}/{Last(request)}"); break;
            case "DELETE event-types/{name}": Remove("event_type", Last(request)); break;
        }
    }

    private void Published(FuzzRequest request, JsonElement answer)
    {
        Add("event", $"{request.Organization}/{answer.Text("id")}");
        Deliveries[answer.Text("id")] = answer.GetProperty("deliveries").GetInt32();
    }

    private void Add(string table, string id)
    {
        _made[(table, id)] = true;
        _gone.TryRemove((table, id), out _);
    }

    private void Remove(string table, string id) => _gone[(table, id)] = true;

    private static string Last(FuzzRequest request) => request.Path.Split('?')[0].TrimEnd('/').Split('/')[^1];
}
