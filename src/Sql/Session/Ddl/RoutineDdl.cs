using Picodata.Core;
using Picodata.Sql.Parsing;

namespace Picodata.Sql;

/// <summary>CREATE, ALTER, DROP PROCEDURE: rows of <c>_pico_routine</c>.</summary>
internal static class RoutineDdl
{
    public static void Create(DdlContext context, CreateProcedureStatement statement)
    {
        string name = DdlContext.NewName(statement.Name);
        AccessControl.RequireCreate(context.State.Users, context.User.Id, "routine", name);
        context.LockCatalog();
        SqlType[] types = [.. statement.Parameters.Select(parameter => Sql.TypeNames.ResolveColumn(parameter.Type))];
        RoutineDef? existing = context.Catalog.FindRoutine(name);
        if (existing is not null && !statement.OrReplace)
        {
            bool isSame = existing.Body == statement.BodyText && existing.Parameters.SequenceEqual(types);
            if (!statement.IfNotExists && !isSame)
            {
                throw new DbException(SqlStates.DuplicateFunction, $"procedure {name} already exists");
            }

            context.Notice(SqlStates.DuplicateFunction, $"procedure {name} already exists, skipping");
            return;
        }

        if (statement.Body is not (InsertStatement or UpdateStatement or DeleteStatement))
        {
            throw new DbException(SqlStates.FeatureNotSupported, "the body of a procedure must be one INSERT, UPDATE or DELETE", position: statement.Position);
        }

        new Binder(context.Catalog, Functions.FunctionTable.BuiltIn, context.Evaluation, types).Bind(statement.Body);
        uint id = existing?.Id ?? context.Catalog.Routines.Select(routine => routine.Id).DefaultIfEmpty(0u).Max() + 1;
        Put(context, new RoutineDef(CatalogOids.Routine(id), id, name, types, statement.BodyText, context.User.Id));
    }

    public static void Rename(DdlContext context, RenameProcedureStatement statement)
    {
        context.LockCatalog();
        RoutineDef routine = Get(context, statement.Name);
        AccessControl.RequireRoutine(context.State.Users, context.User.Id, "drop", routine.Id, routine.Name, routine.Owner);
        if (context.Catalog.FindRoutine(statement.NewName) is not null)
        {
            throw new DbException(SqlStates.DuplicateFunction, $"procedure {statement.NewName} already exists");
        }

        Put(context, routine with { Name = statement.NewName });
    }

    public static void Drop(DdlContext context, ObjectName name, bool ifExists)
    {
        if (context.Catalog.FindRoutine(name.Name) is null && ifExists)
        {
            context.Notice(SqlStates.SuccessfulCompletion, $"procedure {name.Name}() does not exist, skipping");
            return;
        }

        RoutineDef routine = Get(context, name);
        AccessControl.RequireRoutine(context.State.Users, context.User.Id, "drop", routine.Id, routine.Name, routine.Owner);
        context.Writer.Delete(context.State.SystemSpace(PicoSystemTables.Routine), RowBuilder.Key(routine.Id));
        context.DeletePrivileges("routine", routine.Id);
    }

    private static RoutineDef Get(DdlContext context, ObjectName name) => context.Catalog.FindRoutine(name.Name)
        ?? throw new DbException(SqlStates.UndefinedFunction, $"procedure {name.Name} does not exist", position: name.Position);

    private static void Put(DdlContext context, RoutineDef routine) =>
        context.Writer.Put(context.State.SystemSpace(PicoSystemTables.Routine), RowBuilder.Key(routine.Id), RoutineRow.Write(routine));
}
