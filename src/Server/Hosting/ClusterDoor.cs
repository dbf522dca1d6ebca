using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Picodata.Server;

/// <summary>The iproto port: open from the first moment, because instances discover each other by it before they have data.</summary>
internal static class ClusterDoor
{
    /// <summary>Listens; throws <see cref="IOException"/> that names the address when it is taken. Disposing of the result closes the port.</summary>
    public static async Task<WebApplication> OpenAsync(IPEndPoint listen, PeerDoor door, ILoggerFactory loggers, CancellationToken stop)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(loggers);
        builder.WebHost.UseKestrelCore().UseSockets(static sockets =>
        {
            sockets.NoDelay = true;
            sockets.Backlog = 1024;
        });
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(listen, options => options.Run(door.RunAsync));
        });
        WebApplication app = builder.Build();
        app.Run(static _ => Task.CompletedTask);
        await app.StartAsync(stop);
        return app;
    }
}
