using Microsoft.Extensions.Logging;

namespace Picodata.ClusterUnit.Raft;

/// <summary>Writes what the catalog and the library log to standard error when PICODATA_TEST_LOG is set: for finding out why a test failed.</summary>
internal sealed class TestLog(string instance) : ILoggerFactory, ILogger
{
    private static readonly bool IsOn = Environment.GetEnvironmentVariable("PICODATA_TEST_LOG") is { Length: > 0 };

    public static ILoggerFactory For(string instance) => new TestLog(instance);

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public void Dispose()
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => IsOn;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsOn)
            Console.Error.WriteLine($"{DateTime.Now:mm:ss.fff} {instance} {logLevel}: {formatter(state, exception)} {exception}");
    }
}
