using System.Globalization;
using Picodata.Core;

namespace Picodata.Sql.Types;

/// <summary>
/// regclass, regtype, regproc, regnamespace: oids that are read and shown as names through
/// <see cref="TypeContext.Names"/>; digits are taken as oids, <c>-</c> is 0.
/// </summary>
internal sealed class RegCodec(SqlType type) : OidCodec(type)
{
    public override Datum ParseText(string text, TypeContext context)
    {
        string name = text.Trim();
        if (name == "-")
        {
            return Datum.Int(0);
        }

        if (name.Length > 0 && !name.AsSpan().ContainsAnyExceptInRange('0', '9'))
        {
            return base.ParseText(name, context);
        }

        return Datum.Int(Find(name, context) ?? throw Missing(name));
    }

    public override Datum ParseText(ReadOnlySpan<byte> utf8, TypeContext context) => ParseText(DecodeText(utf8), context);

    private uint? Find(string name, TypeContext context) => Type.Name switch
    {
        "regclass" => context.Names?.FindRelation(name),
        "regnamespace" => context.Names?.FindNamespace(name),
        "regtype" => TypeNames.Find(name)?.Oid,
        _ => TypeNames.FindFunction(name),
    };

    private DbException Missing(string name) => Type.Name switch
    {
        "regclass" => new(SqlStates.UndefinedTable, $"relation \"{name}\" does not exist"),
        "regnamespace" => new(SqlStates.InvalidSchemaName, $"schema \"{name}\" does not exist"),
        "regtype" => new(SqlStates.UndefinedObject, $"type \"{name}\" does not exist"),
        _ => new(SqlStates.UndefinedFunction, $"function \"{name}\" does not exist"),
    };

    public override string ToText(in Datum value, TypeContext context)
    {
        uint oid = (uint)value.AsInt;
        if (oid == 0)
        {
            return "-";
        }

        string? name = Type.Name switch
        {
            "regclass" => context.Names?.RelationName(oid),
            "regnamespace" => context.Names?.NamespaceName(oid),
            "regtype" => SqlType.ByOid(oid)?.DisplayName,
            _ => TypeNames.FunctionName(oid),
        };
        return name ?? oid.ToString(CultureInfo.InvariantCulture);
    }

    public override void WriteText(in Datum value, System.Buffers.IBufferWriter<byte> output, TypeContext context) =>
        WriteUtf8(ToText(value, context), output);
}
