using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Picodata.Server;

/// <summary>
/// Where log lines go: standard error, a file (<c>file:PATH</c> or a bare path; reopened on SIGHUP so that it can be
/// rotated), or a command's input (<c>pipe:COMMAND</c>, <c>| COMMAND</c>). Thread-safe; a line is written whole.
/// </summary>
internal sealed class LogDestination : IDisposable
{
    private readonly Lock gate = new();
    private readonly string? path;
    private readonly Process? process;
    private readonly PosixSignalRegistration? hangup;
    private Stream stream;

    private LogDestination(Stream stream, string? path, Process? process)
    {
        this.stream = stream;
        this.path = path;
        this.process = process;
        if (path is not null)
        {
            hangup = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
            {
                context.Cancel = true;
                Reopen();
            });
        }
    }

    public static LogDestination Open(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return new LogDestination(Console.OpenStandardError(), null, null);
        }

        if (text.StartsWith("syslog:", StringComparison.Ordinal))
        {
            throw new ConfigException("invalid value for `instance.log.destination`: syslog is not supported yet; use a file, or pipe: with logger(1)");
        }

        string? command = text.StartsWith("pipe:", StringComparison.Ordinal) ? text["pipe:".Length..]
            : text.StartsWith('|') ? text[1..]
            : null;
        if (command is not null)
        {
            Process shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", command.Trim()]) { RedirectStandardInput = true })!;
            return new LogDestination(shell.StandardInput.BaseStream, null, shell);
        }

        string file = Path.GetFullPath(text.StartsWith("file:", StringComparison.Ordinal) ? text["file:".Length..] : text);
        return new LogDestination(OpenFile(file), file, null);
    }

    public void WriteLine(string line)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(line + "\n");
        lock (gate)
        {
            try
            {
                stream.Write(bytes);
                stream.Flush();
            }
            catch (IOException)
            {
                // The log's disk is full or its reader is gone: the database goes on, and so does the next line's attempt.
            }
        }
    }

    public void Dispose()
    {
        hangup?.Dispose();
        lock (gate)
        {
            stream.Dispose();
        }

        process?.WaitForExit(TimeSpan.FromSeconds(2));
        process?.Dispose();
    }

    private static FileStream OpenFile(string file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        return new FileStream(file, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
    }

    private void Reopen()
    {
        FileStream next = OpenFile(path!);
        lock (gate)
        {
            stream.Dispose();
            stream = next;
        }
    }
}
