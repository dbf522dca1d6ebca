namespace Picodata.Storage.Files.Inspection;

/// <summary>What <c>picodata inspect</c> prints.</summary>
public sealed record InspectOptions
{
    /// <summary>JSON, one object a line, instead of text.</summary>
    public bool Json { get; init; }

    /// <summary>Rows are printed; else only headers, findings and the summary.</summary>
    public bool ShowRows { get; init; } = true;

    /// <summary>Only rows of these spaces (ids or names); empty means all.</summary>
    public IReadOnlyList<string> Spaces { get; init; } = [];
}
