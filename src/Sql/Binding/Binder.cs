using Picodata.Core;
using Picodata.Sql.Functions;
using Picodata.Sql.Parsing;
using Picodata.Sql.Types;

namespace Picodata.Sql;

/// <summary>
/// Gives a syntax tree its meaning: resolves names in scopes, types, operators, casts and parameters, expands <c>*</c>, views and
/// defaults, and checks PostgreSQL's rules of grouping. One object binds one statement; use it once, by one thread.
///
/// Parameters: declared types win; the others take the type of the first place that says one; text when nothing does; 42P18 for
/// a number that is never used.
/// </summary>
public sealed partial class Binder
{
    /// <summary>Deepest nesting of expressions and queries; deeper ones get 54001 instead of overflowing the stack.</summary>
    private const int MaxDepth = 1500;

    private readonly CatalogSnapshot catalog;
    private readonly FunctionTable functions;
    private readonly EvaluationContext context;
    private readonly List<RelationAccess> accesses = [];
    private readonly List<string> openViews = [];
    private SqlType?[] parameters;
    private int depth;

    /// <param name="catalog">What names stand for.</param>
    /// <param name="functions">Functions, aggregates and window functions.</param>
    /// <param name="context">For reading literals (time zone, names of relations).</param>
    /// <param name="parameterTypes">Declared types of $1..$n; null or <c>unknown</c> where the client left them open.</param>
    public Binder(CatalogSnapshot catalog, FunctionTable functions, EvaluationContext context, IReadOnlyList<SqlType?>? parameterTypes = null)
    {
        this.catalog = catalog;
        this.functions = functions;
        this.context = context;
        parameters = parameterTypes is null or { Count: 0 } ? [] : [.. parameterTypes.Select(t => t == SqlType.Unknown ? null : t)];
    }

    /// <summary>Binds SELECT, INSERT, UPDATE or DELETE; 0A000 for anything else.</summary>
    public BoundStatement Bind(Statement statement)
    {
        BoundStatement bound = BindStatement(statement, null);
        bound.Accesses = accesses;
        bound.ParameterTypes = FinishParameters(statement.ParameterCount);
        return bound;
    }

    /// <summary>
    /// Binds an expression over the columns of one table (CHECK, a predicate of COPY ... WHERE); of type bool when
    /// <paramref name="type"/> says so.
    /// </summary>
    public BoundExpression BindTableExpression(Expr expression, BoundRange range, SqlType? type = null)
    {
        var scope = new Scope(null);
        scope.Add(range, 0);
        var frame = new ExpressionFrame(scope, "check constraints");
        BoundExpression bound = BindExpression(expression, frame);
        return type is null ? ResolveUnknown(bound) : CoerceTo(bound, type, -1, CastContext.Implicit, expression.Position);
    }

    /// <summary>Binds an expression without any columns to a type by assignment (DEFAULT, arguments of EXECUTE and CALL).</summary>
    public BoundExpression BindConstantExpression(Expr expression, SqlType? type, int modifier = -1)
    {
        var frame = new ExpressionFrame(new Scope(null), "DEFAULT expressions");
        BoundExpression bound = BindExpression(expression, frame);
        return type is null ? ResolveUnknown(bound) : CoerceTo(bound, type, modifier, CastContext.Assignment, expression.Position);
    }

    /// <summary>A table as a FROM item: its columns at their ordinals, hidden ones included.</summary>
    public static BoundTableSource TableSource(TableDef table, string? alias = null, TableIndex? indexedBy = null) =>
        new(new BoundRange(alias ?? table.Name, RangeColumns(table)), table) { IndexedBy = indexedBy };

    private static RangeColumn[] RangeColumns(Relation relation)
    {
        var columns = new RangeColumn[relation.Columns.Count];
        for (int i = 0; i < columns.Length; i++)
        {
            ColumnDef column = relation.Columns[i];
            columns[i] = new RangeColumn(column.Name, column.Type, column.TypeModifier, column.IsHidden, relation.Oid, (short)(i + 1));
        }

        return columns;
    }

    private BoundStatement BindStatement(Statement statement, Scope? parent) => statement switch
    {
        QueryStatement query => BindQuery(query.Query, parent, true),
        InsertStatement insert => BindInsert(insert, parent),
        UpdateStatement update => BindUpdate(update, parent),
        DeleteStatement delete => BindDelete(delete, parent),
        _ => throw new DbException(SqlStates.FeatureNotSupported, "this statement cannot be prepared as a query", position: statement.Position),
    };

    private SqlType[] FinishParameters(int count)
    {
        var types = new SqlType[Math.Max(count, parameters.Length)];
        for (int i = 0; i < types.Length; i++)
        {
            types[i] = (i < parameters.Length ? parameters[i] : null)
                ?? throw new DbException(SqlStates.IndeterminateDatatype, $"could not determine data type of parameter ${i + 1}");
        }

        return types;
    }

    /// <summary>Guards against stack overflow; every recursive entry pairs it with <see cref="Leave"/>.</summary>
    private void Enter(int position)
    {
        if (++depth > MaxDepth || !System.Runtime.CompilerServices.RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw new DbException(SqlStates.StatementTooComplex, "stack depth limit exceeded", position: position);
        }
    }

    private void Leave() => depth--;

    private void Touch(Relation relation, bool reads, bool writes)
    {
        accesses.Add(new RelationAccess(relation, reads, writes) { IsThroughView = openViews.Count > 0 });
    }

    private static DbException Error(string state, string message, int position, string? hint = null) => new(state, message, hint: hint, position: position);
}

/// <summary>What expressions at one place of a statement may hold.</summary>
/// <param name="scope">Names that are visible.</param>
/// <param name="place">The place's name in messages: <c>WHERE</c>, <c>JOIN conditions</c>.</param>
internal sealed class ExpressionFrame(Scope scope, string place)
{
    public Scope Scope { get; } = scope;

    public string Place { get; } = place;

    /// <summary>Aggregates may stand here; found ones set <see cref="HasAggregates"/>.</summary>
    public bool AllowAggregates { get; init; }

    /// <summary>Window calls may stand here.</summary>
    public bool AllowWindows { get; init; }

    /// <summary>Set-returning calls may stand here.</summary>
    public bool AllowSets { get; init; }

    /// <summary>Named windows of the SELECT.</summary>
    public IReadOnlyDictionary<string, WindowSpec>? Windows { get; init; }

    public bool HasAggregates { get; set; }

    public bool HasWindows { get; set; }

    public bool HasSets { get; set; }
}
