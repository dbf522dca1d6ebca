using System.Security.Cryptography.X509Certificates;

namespace Picodata.PgWire;

/// <summary>What the PostgreSQL door of a server allows. Immutable; one per listener.</summary>
public sealed record PgWireOptions
{
    /// <summary>Certificate with private key that TLS is offered with; null: SSLRequest is answered with N.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>Certificates between <see cref="Certificate"/> and its root, sent along; null when none.</summary>
    public X509Certificate2Collection? IntermediateCertificates { get; init; }

    /// <summary>Refuses log-ins without TLS (28000).</summary>
    public bool RequireTls { get; init; }

    /// <summary>Roots that a client's certificate must lead to; null: clients show no certificate.</summary>
    public X509Certificate2Collection? ClientRoots { get; init; }

    /// <summary>Longest Query, Parse, Bind or CopyData message in bytes; a longer one ends the connection with 08P01.</summary>
    public int MaxMessageBytes { get; init; } = 128 * 1024 * 1024;

    /// <summary>Time from accept to the end of authentication, TLS included.</summary>
    public TimeSpan LoginTimeLimit { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Logged-in sessions at a time; one more is refused with 53300.</summary>
    public int MaxConnections { get; init; } = 1000;

    /// <summary>Connections that have not logged in yet, at a time; surplus is closed with 53300.</summary>
    public int MaxPendingLogins { get; init; } = 500;

    /// <summary>How long a statement may still run after its client closed the connection.</summary>
    public TimeSpan LostClientGrace { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Every connection acts as this user and is asked for nothing: the admin console's socket, which file permissions guard.
    /// Such sessions are opened with <see cref="SessionOptions.IsAdminSocket"/>. Null: users prove who they are.
    /// </summary>
    public string? TrustedUser { get; init; }

    /// <summary>Where sessions run when not in this process; null: always here.</summary>
    public ISessionRouter? Router { get; init; }
}
