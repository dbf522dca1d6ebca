using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Picodata.Storage;

namespace Picodata.Server;

/// <summary>Probes and metrics of the HTTP door: section 9.2 of Picodata's behaviour, as far as one instance has something to say.</summary>
internal sealed class Health(Func<Database?> database)
{
    private volatile bool isReady;
    private volatile bool hasStarted;

    /// <summary>True while clients are served.</summary>
    public bool IsReady
    {
        get => isReady;
        set
        {
            isReady = value;
            hasStarted |= value;
        }
    }

    public void Map(WebApplication doors, bool probes)
    {
        doors.UseRouting();
        doors.Use(async (HttpContext context, RequestDelegate next) =>
        {
            switch (context.Request.Path.Value)
            {
                case "/api/v1/health/live" when probes:
                    await Answer(context, 200, """{"status":"ok"}""");
                    break;
                case "/api/v1/health/ready" when probes:
                    await AnswerState(context, isReady);
                    break;
                case "/api/v1/health/startup" when probes:
                    await AnswerState(context, hasStarted);
                    break;
                case "/metrics":
                    await context.Response.WriteAsync(Metrics());
                    break;
                default:
                    context.Response.StatusCode = 404;
                    break;
            }
        });
    }

    private static Task AnswerState(HttpContext context, bool good) =>
        good ? Answer(context, 200, """{"status":"ok"}""") : Answer(context, 503, """{"status":"not_ready","reason":"state is Offline"}""");

    private static Task Answer(HttpContext context, int status, string json)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(json);
    }

    private string Metrics() =>
        $"""
        # HELP pico_applied_lsn LSN of the newest commit applied in memory
        # TYPE pico_applied_lsn counter
        pico_applied_lsn {database()?.AppliedLsn ?? 0}
        # HELP pico_durable_lsn everything up to this LSN survives a crash
        # TYPE pico_durable_lsn counter
        pico_durable_lsn {database()?.DurableLsn ?? 0}

        """;
}
