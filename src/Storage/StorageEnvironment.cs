using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Picodata.Core;

namespace Picodata.Storage;

/// <summary>The outside world as storage may reach it: disk, time, chance and a place to report to.</summary>
public sealed record StorageEnvironment(IFileSystem Files)
{
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Source of UUIDs and jitter; seeded in tests.</summary>
    public Random Random { get; init; } = new();

    public ILogger Log { get; init; } = NullLogger.Instance;

    /// <summary>
    /// Called when the instance can no longer promise anything (a failed fsync). Writers already get errors; the host is
    /// expected to end the process with the reason. Never returns to pretend.
    /// </summary>
    public Action<string> OnFatal { get; init; } = _ => { };

    /// <summary>
    /// Told how far recovery is: bytes read and bytes of all files to read. Called a few times a second at most, from any
    /// thread; for a person who waits.
    /// </summary>
    public Action<long, long> OnRecoveryProgress { get; init; } = (_, _) => { };
}
