namespace Picodata.Storage;

/// <summary>
/// How to take one applied commit back: replaced rows and schemas, in the order of application. Opaque to the log, which keeps
/// it until the commit is durable or lost.
/// </summary>
internal sealed class CommitUndo
{
}
