namespace Picodata.Storage.Log;

/// <summary>Counters since the start.</summary>
/// <param name="Batches">Writes, each with one sync in <c>fsync</c> mode.</param>
/// <param name="Commits">Transactions made durable.</param>
/// <param name="Bytes">Bytes of blocks written.</param>
/// <param name="TakenBack">Transactions taken back because they could not be written.</param>
/// <param name="File">Path of the log in use, or null.</param>
public sealed record LogStatistics(long Batches, long Commits, long Bytes, long TakenBack, string? File);
