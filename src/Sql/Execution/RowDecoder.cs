using Picodata.Core;
using Picodata.Sql.Types;
using Picodata.Storage.Files;

namespace Picodata.Sql.Execution;

/// <summary>Puts chosen fields of tuples into chosen slots of rows; walks each tuple once, as far as the last field that is wanted.</summary>
internal sealed class RowDecoder
{
    private readonly record struct Step(int Field, int Slot, ColumnCodec Codec);

    private readonly Step[] steps;

    private RowDecoder(IEnumerable<Step> steps) => this.steps = [.. steps.OrderBy(step => step.Field)];

    /// <summary>Decodes columns of a table into slots 0, 1, ... in the order given.</summary>
    public static RowDecoder ForColumns(TableDef table, IReadOnlyList<int> ordinals) =>
        new(ordinals.Select((ordinal, slot) => StepOf(table, ordinal, slot)));

    /// <summary>Decodes those columns of a table into the slots of their ordinals.</summary>
    public static RowDecoder InPlace(TableDef table, IEnumerable<int> ordinals) =>
        new(ordinals.Distinct().Select(ordinal => StepOf(table, ordinal, ordinal)));

    private static Step StepOf(TableDef table, int ordinal, int slot) =>
        new(table.Columns[ordinal].Ordinal, slot, TableCodecs.Of(table.Columns[ordinal]));

    public bool IsEmpty => steps.Length == 0;

    /// <summary>The part of this decoder that fills the slots asked for, and the rest.</summary>
    public (RowDecoder Wanted, RowDecoder Others) Split(IReadOnlySet<int> slots) =>
        (new RowDecoder(steps.Where(step => slots.Contains(step.Slot))), new RowDecoder(steps.Where(step => !slots.Contains(step.Slot))));

    /// <summary>Fills the slots of a row from a tuple; fields behind its end are NULL.</summary>
    public void Decode(ReadOnlySpan<byte> tuple, Datum[] row)
    {
        if (steps.Length == 0)
        {
            return;
        }

        var reader = new MsgPackReader(tuple);
        int count = reader.ReadArrayHead();
        int next = 0;
        foreach (ref readonly Step step in steps.AsSpan())
        {
            if (step.Field >= count)
            {
                row[step.Slot] = default;
                continue;
            }

            if (next > step.Field)
            {
                row[step.Slot] = row[SlotOf(step.Field)];
                continue;
            }

            for (; next < step.Field; next++)
            {
                reader.Skip();
            }

            row[step.Slot] = step.Codec.Read(ref reader);
            next++;
        }
    }

    /// <summary>The first slot that a field was decoded into.</summary>
    private int SlotOf(int field)
    {
        foreach (ref readonly Step step in steps.AsSpan())
        {
            if (step.Field == field)
            {
                return step.Slot;
            }
        }

        throw new InvalidOperationException("a field that is not decoded");
    }
}

/// <summary>Codecs of the columns of stored tables.</summary>
internal static class TableCodecs
{
    public static ColumnCodec Of(ColumnDef column) =>
        column.IsForeign ? ColumnCodec.ForForeign(column.FieldType) : ColumnCodec.For(column.Type);

    public static ColumnCodec[] OfKey(TableDef table, TableIndex index) => [.. index.Parts.Select(part => Of(table.Columns[part.Ordinal]))];
}
