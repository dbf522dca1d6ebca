using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage;

/// <summary>
/// Sequences: definitions in <c>_sequence</c>, last values in <c>_sequence_data</c>. All calls under the gate.
///
/// Q1 The value in the logged row is at or beyond every value that was given out: one row is logged for up to 32 values, so after a
/// crash up to 31 are skipped and none repeats. Q2 A value given out is never given out again by this process, even when the commit
/// of its row was taken back.
/// </summary>
internal sealed unsafe class SequenceTable(Engine engine)
{
    private const int LogAhead = 32;

    private readonly Dictionary<uint, State> states = [];
    private bool isLogging;

    public long Next(uint id)
    {
        State state = Find(id);
        long value = state.Definition.After(state.HasValue, state.Value);
        if (state.Left == 0)
        {
            long ahead = state.Definition.Ahead(value, LogAhead - 1, out int count);
            Log(id, ahead);
            state.Left = count + 1;
        }

        state.Left--;
        state.Value = value;
        state.HasValue = true;
        return value;
    }

    public void Set(uint id, long value, bool isCalled)
    {
        State state = Find(id);
        long last = state.Definition.Last(value, isCalled);
        Log(id, last);
        state.Value = last;
        state.HasValue = true;
        state.Left = 0;
    }

    /// <summary>Commits were taken back, maybe those that logged values ahead.</summary>
    public void ForgetLoggedAhead()
    {
        foreach (State state in states.Values)
        {
            state.Left = 0;
        }
    }

    /// <summary>Somebody else gives out values: what is known here may be behind.</summary>
    public void Forget() => states.Clear();

    public void LogExactValues()
    {
        foreach ((uint id, State state) in states)
        {
            if (state.Left > 0 && state.HasValue)
            {
                Log(id, state.Value);
                state.Left = 0;
            }
        }
    }

    /// <summary>A transaction is changing a sequence.</summary>
    public void Changed(in JournalEntry entry)
    {
        if (isLogging || entry.SpaceId is not (SystemSpaces.Sequence or SystemSpaces.SequenceData))
        {
            return;
        }

        RawTuple.ReadInteger(RawTuple.Field(RowArena.Data(entry.Row), 0), out ulong bits);
        if (!states.TryGetValue((uint)bits, out State? state))
        {
            return;
        }

        if (entry.SpaceId == SystemSpaces.SequenceData || entry.Kind == JournalKind.Delete)
        {
            states.Remove((uint)bits);
        }
        else
        {
            state.Left = 0;
            state.Definition = SequenceDefinition.Read(RowArena.Span(entry.Row));
        }
    }

    private State Find(uint id)
    {
        if (states.TryGetValue(id, out State? state))
        {
            return state;
        }

        nint definition = FindRow(SystemSpaces.Sequence, id);
        if (definition == 0)
        {
            throw new DbException(SqlStates.UndefinedTable, $"sequence {id} does not exist");
        }

        nint data = FindRow(SystemSpaces.SequenceData, id);
        state = new State(SequenceDefinition.Read(RowArena.Span(definition)))
        {
            HasValue = data != 0,
            Value = data == 0 ? 0 : SequenceDefinition.ReadValue(RowArena.Span(data)),
        };
        states.Add(id, state);
        return state;
    }

    private nint FindRow(uint spaceId, uint id)
    {
        if (engine.Catalog.Find(spaceId)?.Primary is not { } tree)
        {
            return 0;
        }

        byte* key = stackalloc byte[5];
        key[0] = 0xce;
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(new Span<byte>(key + 1, 4), id);
        return tree.Find(tree.Key.ProbeKey(key, 1));
    }

    private void Log(uint id, long value)
    {
        isLogging = true;
        try
        {
            engine.CommitRow(SystemSpaces.SequenceData, SequenceDefinition.DataRow(id, value));
        }
        finally
        {
            isLogging = false;
        }
    }

    private sealed class State(SequenceDefinition definition)
    {
        public SequenceDefinition Definition { get; set; } = definition;

        public bool HasValue { get; set; }

        /// <summary>Last value given out.</summary>
        public long Value { get; set; }

        /// <summary>Values that may be given out before a row must be logged.</summary>
        public int Left { get; set; }
    }
}

/// <summary>A row of <c>_sequence</c>: [id, owner, name, step, min, max, start, cache, cycle].</summary>
internal sealed record SequenceDefinition(string Name, long Step, long Min, long Max, long Start, bool Cycle)
{
    public static SequenceDefinition Read(ReadOnlySpan<byte> tuple)
    {
        var reader = new MsgPackReader(tuple);
        reader.ReadArrayHead();
        reader.Skip();
        reader.Skip();
        string name = reader.ReadString();
        long step = reader.ReadInt64(), min = reader.ReadInt64(), max = reader.ReadInt64(), start = reader.ReadInt64();
        reader.Skip();
        return new SequenceDefinition(name, step, min, max, start, reader.ReadBoolean());
    }

    public static long ReadValue(ReadOnlySpan<byte> dataTuple)
    {
        var reader = new MsgPackReader(dataTuple);
        reader.ReadArrayHead();
        reader.Skip();
        return reader.ReadInt64();
    }

    public static byte[] DataRow(uint id, long value)
    {
        var writer = new MsgPackWriter(24);
        writer.WriteArrayHead(2);
        writer.WriteUInt64(id);
        writer.WriteInt64(value);
        return writer.ToArray();
    }

    /// <summary>The value behind one; 2200H at the end of a sequence that does not cycle.</summary>
    public long After(bool hasValue, long value)
    {
        Int128 next = hasValue ? (Int128)value + Step : Start;
        if (next >= Min && next <= Max)
        {
            return (long)next;
        }

        // setval without is_called may stand before the beginning
        if ((Step > 0 && next < Min) || (Step < 0 && next > Max))
        {
            return Step > 0 ? Min : Max;
        }

        if (Cycle)
        {
            return Step > 0 ? Min : Max;
        }

        string end = Step > 0 ? $"maximum value of sequence \"{Name}\" ({Max})" : $"minimum value of sequence \"{Name}\" ({Min})";
        throw new DbException(SqlStates.SequenceGeneratorLimitExceeded, $"nextval: reached {end}");
    }

    /// <summary>The value up to <paramref name="steps"/> steps on, not beyond the end; how many steps that are.</summary>
    public long Ahead(long value, int steps, out int count)
    {
        Int128 room = Step > 0 ? ((Int128)Max - value) / Step : ((Int128)value - Min) / -(Int128)Step;
        count = room < steps ? (int)room : steps;
        return (long)(value + ((Int128)Step * count));
    }

    /// <summary>The last value given out after setval; 22003 when it is out of bounds.</summary>
    public long Last(long value, bool isCalled)
    {
        if (value < Min || value > Max)
        {
            throw new DbException(SqlStates.NumericValueOutOfRange, $"setval: value {value} is out of bounds for sequence \"{Name}\" ({Min}..{Max})");
        }

        Int128 last = isCalled ? value : (Int128)value - Step;
        return last < long.MinValue ? long.MinValue : last > long.MaxValue ? long.MaxValue : (long)last;
    }
}
