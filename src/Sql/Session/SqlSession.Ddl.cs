using Picodata.Core;
using Picodata.Sql.Parsing;
using Picodata.Storage;

namespace Picodata.Sql;

/// <summary>Statements that change the catalog.</summary>
public sealed partial class SqlSession
{
    private readonly List<string> temporaryTables = [];

    /// <summary>Runs a statement on the catalog, again when it had to wait for a lock. Notices are told once.</summary>
    private async ValueTask<string> RunDdlAsync(Func<DdlContext, string> run)
    {
        if (isReadOnly && inBlock)
        {
            throw new DbException(SqlStates.ReadOnlySqlTransaction, "cannot execute a statement that changes the catalog in a read-only transaction");
        }

        while (true)
        {
            Transaction current = BeginStatement();
            int told = notices.Count;
            int start = current.Savepoint();
            Task wait;
            try
            {
                string tag = run(MakeContext(current));
                EndStatement();
                MarkDdl();
                return tag;
            }
            catch (LockWaitException blocked)
            {
                wait = blocked.Wait;
            }

            notices.RemoveRange(told, notices.Count - told);
            RollbackStatement();
            current.RollbackTo(start);
            ownCatalog = null;
            await WaitLockAsync(wait).ConfigureAwait(false);
        }
    }

    private DdlContext MakeContext(Transaction current) => new(current, Catalog, user, evaluation, () =>
    {
        // a statement does not see its own rows: the rest of it becomes another one
        current.EndStatement();
        current.BeginStatement();
        ownCatalog = engine.Load(current);
        hasDdl = true;
        return ownCatalog;
    })
    {
        DefaultTier = engine.Options.Tier,
        Notice = (state, message) => AddNotice(NoticeSeverity.Notice, state, message),
    };

    private ValueTask<string>? TryRunDdl(Statement statement) => statement switch
    {
        CreateTableStatement { AsQuery: null } create => RunDdlAsync(context => CreateTable(context, create)),
        DropStatement { Kind: ObjectKind.User or ObjectKind.Role } => RunDdlAsync(context => RunUsers(context, statement)),
        DropStatement { Kind: ObjectKind.Schema } drop => new ValueTask<string>(DropSchema(drop)),
        DropStatement drop => RunDdlAsync(context => DropDdl.Run(context, drop)),
        AlterTableStatement alter => RunDdlAsync(context => AlterTable.Run(context, alter)),
        CreateIndexStatement index => RunDdlAsync(context => Done("CREATE INDEX", () => IndexDdl.Create(context, index))),
        CreateViewStatement view => RunDdlAsync(context => Done("CREATE VIEW", () => ViewDdl.Create(context, view))),
        CreateSequenceStatement sequence => RunDdlAsync(context => Done("CREATE SEQUENCE", () => SequenceDdl.Create(context, sequence))),
        AlterSequenceStatement sequence => RunDdlAsync(context => Done("ALTER SEQUENCE", () => SequenceDdl.Alter(context, sequence))),
        TruncateStatement truncate => RunDdlAsync(context => Done("TRUNCATE TABLE", () => DropDdl.Truncate(context, truncate))),
        CreateProcedureStatement procedure => RunDdlAsync(context => Done("CREATE PROCEDURE", () => RoutineDdl.Create(context, procedure))),
        RenameProcedureStatement procedure => RunDdlAsync(context => Done("ALTER PROCEDURE", () => RoutineDdl.Rename(context, procedure))),
        CreateUserStatement or AlterUserStatement or GrantStatement => RunDdlAsync(context => RunUsers(context, statement)),
        AlterSystemStatement alter => RunDdlAsync(context => AlterSystem(context, alter)),
        CommentStatement comment => RunDdlAsync(context => Done("COMMENT", () => CommentDdl.Run(context, comment))),
        CreateSchemaStatement schema => new ValueTask<string>(CreateSchema(schema)),
        _ => null,
    };

    private static string Done(string tag, Action action)
    {
        action();
        return tag;
    }

    private string CreateTable(DdlContext context, CreateTableStatement create)
    {
        if (Sql.CreateTable.Run(context, create) && create.IsTemporary)
        {
            temporaryTables.Add(create.Name.Name);
        }

        return "CREATE TABLE";
    }

    /// <summary>Objects are all in public; other schemas are accepted by name only, as Picodata does.</summary>
    private string CreateSchema(CreateSchemaStatement schema)
    {
        if (CatalogSnapshot.SchemaExists(schema.Name))
        {
            if (!schema.IfNotExists)
            {
                throw new DbException(SqlStates.DuplicateSchema, $"schema \"{schema.Name}\" already exists");
            }

            AddNotice(NoticeSeverity.Notice, SqlStates.DuplicateSchema, $"schema \"{schema.Name}\" already exists, skipping");
        }

        return "CREATE SCHEMA";
    }

    private static string DropSchema(DropStatement drop)
    {
        foreach (ObjectName name in drop.Names)
        {
            if (CatalogSnapshot.SchemaExists(name.Name))
            {
                throw new DbException(SqlStates.DependentObjectsStillExist, $"cannot drop schema {name.Name} because it is required by the database system");
            }
        }

        return "DROP SCHEMA";
    }

    private string RunUsers(DdlContext context, Statement statement)
    {
        var users = new UserStatementContext(context.Transaction, context.State.Users, user.Id, 1)
        {
            Policy = context.State.Config.PasswordPolicy,
            DefaultMethod = settings.Get("password_encryption") == "scram-sha-256" ? PasswordMethod.ScramSha256 : PasswordMethod.Md5,
            Salt = () =>
            {
                byte[] salt = new byte[16];
                lock (engine)
                {
                    engine.Random.NextBytes(salt);
                }

                return salt;
            },
            FindObject = (kind, name) => FindGrantObject(context, kind, name),
            OwnedObjects = id => OwnedObjects(context, id),
            Notify = notices.Add,
            Unlock = engine.Logins.Unlock,
        };
        string tag = UserStatements.Execute(users, statement);
        return tag;
    }

    private static GrantObject FindGrantObject(DdlContext context, ObjectKind kind, ObjectName name)
    {
        if (kind is ObjectKind.Procedure or ObjectKind.Function)
        {
            RoutineDef routine = context.Catalog.FindRoutine(name.Name)
                ?? throw new DbException(SqlStates.UndefinedFunction, $"procedure {name.Name} does not exist", position: name.Position);
            return new GrantObject("routine", routine.Id, routine.Name, routine.Owner, false);
        }

        Relation relation = context.Find(name)
            ?? throw new DbException(SqlStates.UndefinedTable, $"relation \"{name}\" does not exist", position: name.Position);
        return new GrantObject("table", ObjectId(relation), relation.Name, relation.Owner, relation is VirtualTableDef or TableDef { IsSystem: true });
    }

    private static List<string> OwnedObjects(DdlContext context, uint id)
    {
        var lines = new List<string>();
        Add("tables", context.Catalog.Relations.Where(relation => relation.Owner == id && relation is TableDef or ViewDef).Where(relation => relation.Owner == id).Select(relation => relation.Name));
        Add("procedures", context.Catalog.Routines.Where(routine => routine.Owner == id).Select(routine => routine.Name));
        Add("users", context.State.Users.Users.Where(other => other.Owner == id && !other.IsRole && other.Id != id).Select(other => other.Name));
        Add("roles", context.State.Users.Users.Where(other => other.Owner == id && other.IsRole).Select(other => other.Name));
        return lines;

        void Add(string kind, IEnumerable<string> names)
        {
            string list = string.Join(", ", names.Order(StringComparer.Ordinal));
            if (list.Length > 0)
            {
                lines.Add($"owner of {kind} {list}");
            }
        }
    }

    private string AlterSystem(DdlContext context, AlterSystemStatement alter)
    {
        AccessControl.RequireAdmin(context.State.Users, user.Id, "System");
        Datum? value = alter.Value switch
        {
            null => null,
            LiteralExpr literal => literal.Value,
            ColumnExpr word => Datum.Text(word.Parts[^1]),
            _ => throw new DbException(SqlStates.InvalidParameterValue, "the value of ALTER SYSTEM must be a constant", position: alter.Value.Position),
        };
        context.State.Config.Execute(context.Transaction, alter, value);
        parametersChanged = true;
        return "ALTER SYSTEM";
    }
}
