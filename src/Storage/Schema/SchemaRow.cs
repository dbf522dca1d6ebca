using Picodata.Core;
using Picodata.Storage.Files;

namespace Picodata.Storage;

/// <summary>
/// What a changed row of <c>_space</c>, <c>_index</c> or <c>_truncate</c> means for the space it is about.
/// </summary>
internal static class SchemaRow
{
    /// <summary>Id of the space that the row is about: the first field in all three.</summary>
    public static uint Target(ReadOnlySpan<byte> tuple)
    {
        var reader = new MsgPackReader(tuple);
        return reader.TryReadArrayHead(out int count) && count > 0 && reader.TryReadUInt32(out uint id)
            ? id
            : throw new DbException(SqlStates.InvalidTableDefinition, "a row of a system space does not begin with a space's id");
    }

    /// <summary>
    /// The change, or null when there is none. New trees are made but not filled. Throws <see cref="DbException"/> for definitions that
    /// cannot be.
    /// </summary>
    /// <param name="alteration">Makes the new version.</param>
    /// <param name="systemSpace">Space of the row.</param>
    /// <param name="tuple">The new row, or the one that goes.</param>
    /// <param name="isDelete">The row goes.</param>
    /// <param name="find">The present version of a space.</param>
    public static SchemaStep? Interpret(SpaceAlteration alteration, uint systemSpace, ReadOnlySpan<byte> tuple, bool isDelete, Func<uint, Space?> find)
    {
        uint target = Target(tuple);
        Space? before = find(target);
        switch (systemSpace)
        {
            case SystemSpaces.Space when isDelete:
                return before is null ? null : new SchemaStep(target, before, null, DropsRows: true);
            case SystemSpaces.Space:
                return Step(target, before, alteration.Define(before, DefinitionReader.ReadSpace(tuple)));
            case SystemSpaces.Index:
                IndexDef index = DefinitionReader.ReadIndex(tuple);
                if (before is null)
                {
                    return isDelete ? null : throw new DbException(SqlStates.UndefinedTable, $"index \"{index.Name}\" is for space {target}, which does not exist");
                }

                return Step(target, before, isDelete ? alteration.DropIndex(before, index.Id) : alteration.PutIndex(before, index));
            default:
                return isDelete || before?.Primary is null ? null : new SchemaStep(target, before, alteration.Empty(before), DropsRows: true);
        }
    }

    private static SchemaStep Step(uint target, Space? before, Space after) =>
        new(target, before, after, DropsRows: before?.Primary is not null && after.Primary is null);
}
