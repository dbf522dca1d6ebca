using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Picodata.Server;

/// <summary>
/// The diagnostic log: one line an event, <c>plain</c> (time, process, category, level letter, message) or <c>json</c>
/// (one object with the event's named values). Levels are Tarantool's words.
/// </summary>
internal sealed class LineLogging(LogDestination destination, LogLevel minimum, bool json, TimeProvider time) : ILoggerProvider
{
    private static readonly JsonWriterOptions JsonOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The threshold that a word of <c>--log-level</c> means.</summary>
    public static LogLevel LevelOf(string word) => word switch
    {
        "fatal" or "system" or "crit" => LogLevel.Critical,
        "error" => LogLevel.Error,
        "warn" => LogLevel.Warning,
        "info" => LogLevel.Information,
        "verbose" => LogLevel.Debug,
        _ => LogLevel.Trace,
    };

    public ILogger CreateLogger(string categoryName) => new LineLogger(this, categoryName);

    public void Dispose()
    {
    }

    private static string Word(LogLevel level) => level switch
    {
        LogLevel.Critical => "CRIT",
        LogLevel.Error => "ERROR",
        LogLevel.Warning => "WARN",
        LogLevel.Information => "INFO",
        LogLevel.Debug => "VERBOSE",
        _ => "DEBUG",
    };

    private string Plain(string category, LogLevel level, string message, Exception? problem)
    {
        string line = $"{time.GetLocalNow():yyyy-MM-dd HH:mm:ss.fff} [{Environment.ProcessId}] {category} {Word(level)[0]}> {message}";
        return problem is null ? line : line + "\n" + problem;
    }

    private string Json<TState>(string category, LogLevel level, string message, TState state, Exception? problem)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, JsonOptions))
        {
            writer.WriteStartObject();
            writer.WriteString("time", time.GetLocalNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fffzzz"));
            writer.WriteString("level", Word(level));
            writer.WriteString("message", message);
            writer.WriteNumber("pid", Environment.ProcessId);
            writer.WriteString("category", category);
            foreach ((string name, object? value) in state as IEnumerable<KeyValuePair<string, object?>> ?? [])
            {
                if (name != "{OriginalFormat}")
                {
                    writer.WriteString(name, value?.ToString());
                }
            }

            if (problem is not null)
            {
                writer.WriteString("exception", problem.ToString());
            }

            writer.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private sealed class LineLogger(LineLogging owner, string category) : ILogger
    {
        private readonly string shortCategory = category[(category.LastIndexOf('.') + 1)..];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= owner.Minimum && logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                string message = formatter(state, exception);
                owner.Write(owner.IsJson
                    ? owner.Json(shortCategory, logLevel, message, state, exception)
                    : owner.Plain(shortCategory, logLevel, message, exception));
            }
        }
    }

    private LogLevel Minimum => minimum;

    private bool IsJson => json;

    private void Write(string line) => destination.WriteLine(line);
}
