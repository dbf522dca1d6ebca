using System.Globalization;

namespace Picodata.Storage.Files.Inspection;

/// <summary>Names of spaces: those of the system, and those met in rows of <c>_space</c>.</summary>
internal sealed class SpaceNames
{
    private readonly Dictionary<uint, string> names = BootstrapTables.Spaces.ToDictionary(space => space.Id, space => space.Name);

    /// <summary>The name, or an empty text when it is not known.</summary>
    public string this[uint id] => names.GetValueOrDefault(id, "");

    /// <summary>Learns from a row when it defines a space.</summary>
    public void Learn(LogBlock block, in LogRow row)
    {
        if (row.Body.SpaceId != SystemSpaces.Space || row.Header.Type is not (RequestType.Insert or RequestType.Replace) || !row.Body.Tuple.Exists)
        {
            return;
        }

        var reader = new MsgPackReader(block.Bytes(row.Body.Tuple));
        if (reader.TryReadArrayHead(out _) && reader.TryReadUInt32(out uint id) && reader.TrySkip() && reader.TryReadString(out ReadOnlySpan<byte> name))
        {
            names[id] = System.Text.Encoding.UTF8.GetString(name);
        }
    }

    /// <summary>Learns the spaces of a snapshot; stops behind them.</summary>
    public void LearnFrom(LogFileReader snapshot)
    {
        while (snapshot.TryReadBlock(out LogBlock block))
        {
            foreach (ref readonly LogRow row in block.Rows)
            {
                if (row.Body.SpaceId > SystemSpaces.Space)
                {
                    return;
                }

                Learn(block, row);
            }
        }
    }

    /// <summary>True when rows of a space are wanted.</summary>
    public bool IsAmong(IReadOnlyList<string> wanted, uint id) =>
        wanted.Count == 0 || wanted.Contains(id.ToString(CultureInfo.InvariantCulture)) || (this[id].Length > 0 && wanted.Contains(this[id]));
}
