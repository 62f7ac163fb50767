// Buttons that change a delivery.

using Dispatcher.Access;
using Dispatcher.Auditing;
using Dispatcher.Deliveries;
using Dispatcher.Platform;
using Hangfire.Dashboard;

namespace Dispatcher.Hangfire.Dashboard;

/// <summary>Does something to the delivery in the path, in the operator's name. Only by POST, and only with the page's token.</summary>
internal sealed class DeliveryCommand(Func<DeliveryActions, Tenant, Guid, AuditContext, CancellationToken, Task> act) : IDashboardDispatcher
{
    public async Task Dispatch(DashboardContext context)
    {
        var http = context.GetHttpContext();
        if (!HttpMethods.IsPost(http.Request.Method))
        {
            http.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            return;
        }

        if (context.IsReadOnly) throw Problem.Forbidden("You may look, and change nothing.").AsException();
        // What it refuses is a problem in JSON, as of the API: the page's script shows that it failed.
        var request = await PageRequest.OfAsync(context);
        var audit = (await AuditContext.BindAsync(http, null!))!;
        await act(request.Services.GetRequiredService<DeliveryActions>(), request.Tenant, request.DeliveryId, audit, request.Aborted);
        http.Response.StatusCode = StatusCodes.Status204NoContent;
    }
}
