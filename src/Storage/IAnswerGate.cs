namespace Picodata.Storage;

/// <summary>Says whether an instance may answer with what it has: a primary while its lease lasts. Thread-safe.</summary>
public interface IAnswerGate
{
    /// <summary>Asked for every answer: cheap.</summary>
    bool IsOpen { get; }

    /// <summary>Completes when the gate is open; throws when it never will be again (40003).</summary>
    ValueTask WaitOpenAsync(CancellationToken cancel);
}
