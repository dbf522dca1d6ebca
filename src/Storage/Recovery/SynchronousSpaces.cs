using Picodata.Storage.Files;

namespace Picodata.Storage.Recovery;

/// <summary>Which spaces have the option <c>is_sync</c>, by the engine's newest schema.</summary>
internal sealed class SynchronousSpaces(Engine engine)
{
    private readonly HashSet<uint> ids = [];
    private DatabaseSchema? known;

    public bool Contains(uint spaceId)
    {
        DatabaseSchema schema = engine.Schema;
        if (!ReferenceEquals(schema, known))
        {
            known = schema;
            ids.Clear();
            ids.UnionWith(schema.Spaces.Where(IsSynchronous).Select(space => space.Id));
        }
        return ids.Count > 0 && ids.Contains(spaceId);
    }

    /// <summary>Field 5 of a row of <c>_space</c> is the map of options.</summary>
    private static bool IsSynchronous(SpaceDef space)
    {
        var reader = new MsgPackReader(space.Tuple.Span);
        if (!reader.TryReadArrayHead(out int fields) || fields < 6)
            return false;
        for (int i = 0; i < 5; i++)
        {
            if (!reader.TrySkip())
                return false;
        }
        if (!reader.TryReadMapHead(out int pairs))
            return false;
        for (; pairs > 0; pairs--)
        {
            if (!reader.TryReadString(out ReadOnlySpan<byte> key))
                return false;
            if (key.SequenceEqual("is_sync"u8))
                return reader.TryReadBoolean(out bool value) && value;
            if (!reader.TrySkip())
                return false;
        }
        return false;
    }
}
