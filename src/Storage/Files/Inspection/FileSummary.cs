namespace Picodata.Storage.Files.Inspection;

/// <summary>What one file holds and how it ended.</summary>
internal sealed class FileSummary(string path, LogHeader header)
{
    public string Path => path;

    public LogHeader Header => header;

    public LogFileKind Kind => header.Kind;

    public long Blocks { get; set; }

    public long CompressedBlocks { get; set; }

    public long Rows { get; set; }

    public LogEnd? End { get; set; }

    public VClock Reached { get; set; } = header.VClock;

    public bool IsDamaged { get; set; }

    public Dictionary<RequestType, long> Requests { get; } = [];

    /// <summary>Rows by space id.</summary>
    public Dictionary<uint, long> Spaces { get; } = [];

    public void Count(in LogRow row)
    {
        Rows++;
        Requests[row.Header.Type] = Requests.GetValueOrDefault(row.Header.Type) + 1;
        if (row.Body.SpaceId != 0)
        {
            Spaces[row.Body.SpaceId] = Spaces.GetValueOrDefault(row.Body.SpaceId) + 1;
        }
    }
}
