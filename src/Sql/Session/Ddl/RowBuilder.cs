using Picodata.Storage.Files;

namespace Picodata.Sql;

/// <summary>Builds rows and keys of system spaces, field by field.</summary>
internal sealed class RowBuilder
{
    private readonly MsgPackWriter output = new(128);

    /// <param name="fields">Number of fields of the row.</param>
    public RowBuilder(int fields) => output.WriteArrayHead(fields);

    public MsgPackWriter Output => output;

    public RowBuilder Number(long value)
    {
        output.WriteInt64(value);
        return this;
    }

    public RowBuilder Text(string value)
    {
        output.WriteString(value);
        return this;
    }

    public RowBuilder TextOrNil(string? value)
    {
        TableExtras.WriteNullable(output, value);
        return this;
    }

    public RowBuilder Bool(bool value)
    {
        output.WriteBoolean(value);
        return this;
    }

    public RowBuilder Real(double value)
    {
        output.WriteDouble(value);
        return this;
    }

    public RowBuilder Nil()
    {
        output.WriteNil();
        return this;
    }

    public RowBuilder Array(int count)
    {
        output.WriteArrayHead(count);
        return this;
    }

    public RowBuilder Map(int count)
    {
        output.WriteMapHead(count);
        return this;
    }

    public ReadOnlyMemory<byte> Row() => output.ToArray();

    /// <summary>A key of one number.</summary>
    public static ReadOnlyMemory<byte> Key(long number) => new RowBuilder(1).Number(number).Row();

    /// <summary>A key of two numbers.</summary>
    public static ReadOnlyMemory<byte> Key(long first, long second) => new RowBuilder(2).Number(first).Number(second).Row();

    /// <summary>A key of one text.</summary>
    public static ReadOnlyMemory<byte> Key(string text) => new RowBuilder(1).Text(text).Row();
}
