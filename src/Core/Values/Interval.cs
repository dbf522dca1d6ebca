namespace Picodata.Core;

/// <summary>PostgreSQL's interval: three parts that are kept apart because months and days have no fixed length.</summary>
/// <param name="Months">Months, years included.</param>
/// <param name="Days">Days.</param>
/// <param name="Microseconds">The rest, in microseconds.</param>
public sealed record Interval(int Months, int Days, long Microseconds);
