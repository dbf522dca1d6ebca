namespace Picodata.Storage.Files;

/// <summary>An array whose elements are changed; each element is MessagePack bytes.</summary>
internal sealed class UpdateArray
{
    private readonly List<byte[]> items = [];

    public int Count => items.Count;

    public static bool TryParse(ReadOnlySpan<byte> bytes, out UpdateArray array)
    {
        array = new UpdateArray();
        var reader = new MsgPackReader(bytes);
        if (!reader.TryReadArrayHead(out int count))
        {
            return false;
        }

        for (; count > 0; count--)
        {
            if (!reader.TryReadRaw(out ReadOnlySpan<byte> item))
            {
                return false;
            }

            array.items.Add(item.ToArray());
        }

        return true;
    }

    public void Write(MsgPackWriter writer)
    {
        writer.WriteArrayHead(items.Count);
        foreach (byte[] item in items)
        {
            writer.WriteRaw(item);
        }
    }

    /// <summary>Carries out an operation on the element at <paramref name="position"/>; returns why not, or null.</summary>
    /// <param name="position">From 0; negative from the end.</param>
    public string? Apply(UpdateOperation operation, long position, bool isDouble)
    {
        bool inserts = operation.Code == '!';
        if (position < 0)
        {
            position += items.Count + (inserts ? 1 : 0);
        }

        bool mayAppend = inserts || operation.Code == '=';
        if (position < 0 || position > items.Count || (position == items.Count && !mayAppend))
        {
            return $"field '{operation.FieldText}' not found";
        }

        int at = (int)position;
        switch (operation.Code)
        {
            case '!':
                items.Insert(at, operation.Value);
                return null;
            case '=' when at == items.Count:
                items.Add(operation.Value);
                return null;
            case '#':
                items.RemoveRange(at, (int)Math.Min(operation.Count, items.Count - at));
                return null;
            default:
                string? failure = UpdateScalar.Apply(operation, items[at], isDouble, out byte[] changed);
                items[at] = changed;
                return failure;
        }
    }

    /// <summary>Carries out an operation below the element at <paramref name="position"/>.</summary>
    public string? ApplyInside(UpdateOperation operation, int position, List<UpdatePath.Step> steps, int next)
    {
        if (position >= items.Count)
        {
            return $"field '{operation.FieldText}' not found";
        }

        string? failure = ApplyPath(operation, items[position], steps, next, out byte[] changed);
        items[position] = changed;
        return failure;
    }

    /// <summary>Carries out an operation inside a value, at the end of a path.</summary>
    public static string? ApplyPath(UpdateOperation operation, byte[] value, List<UpdatePath.Step> steps, int next, out byte[] changed)
    {
        changed = value;
        UpdatePath.Step step = steps[next];
        bool isLast = next == steps.Count - 1;
        string? failure = $"'{operation.FieldText}' leads nowhere";
        var writer = new MsgPackWriter(value.Length + 64);
        if (step.Key is null && TryParse(value, out UpdateArray array))
        {
            failure = isLast ? array.Apply(operation, step.Index, isDouble: false) : array.ApplyInside(operation, step.Index, steps, next + 1);
            array.Write(writer);
        }
        else if (step.Key is not null && UpdateMap.TryParse(value, out UpdateMap map))
        {
            failure = isLast ? map.Apply(operation, step.Key) : map.ApplyInside(operation, step.Key, steps, next + 1);
            map.Write(writer);
        }

        changed = failure is null ? writer.ToArray() : value;
        return failure;
    }
}
