using Picodata.Core;
using Picodata.Sql.Parsing;

namespace Picodata.Sql;

/// <summary>The options of a COPY statement, checked.</summary>
internal sealed record CopySettings(CopyOptions Options)
{
    public static CopySettings Of(CopyStatement copy)
    {
        var form = CopyForm.Text;
        string? delimiter = null;
        string? nullText = null;
        string? quote = null;
        string? escape = null;
        var header = CopyHeader.None;
        bool quotesAll = false;
        var forced = new List<CopyOption>();
        foreach (CopyOption option in copy.CopyOptions)
        {
            switch (option.Name)
            {
                case "format":
                    form = Form(option);
                    break;
                case "delimiter":
                    delimiter = option.Value;
                    break;
                case "null":
                    nullText = option.Value;
                    break;
                case "quote":
                    quote = option.Value;
                    break;
                case "escape":
                    escape = option.Value;
                    break;
                case "header":
                    header = Header(option, copy.IsFrom);
                    break;
                case "force_quote":
                    quotesAll = true;
                    break;
                case "force_not_null" or "force_null":
                    forced.Add(option);
                    break;
                case "freeze" or "oids":
                    break;
                case "encoding":
                    CheckEncoding(option);
                    break;
                default:
                    throw new DbException(SqlStates.SyntaxError, $"option \"{option.Name}\" not recognized", position: option.Position);
            }
        }

        if (forced.Count > 0 && (form != CopyForm.Csv || !copy.IsFrom))
        {
            string name = forced[0].Name.Replace('_', ' ');
            throw new DbException(SqlStates.FeatureNotSupported, form != CopyForm.Csv ? $"COPY {name} available only in CSV mode" : $"COPY {name} only available using COPY FROM", position: forced[0].Position);
        }

        return new CopySettings(CopyOptions.Create(form, delimiter, nullText, quote, escape, header) with { ForceQuoteAll = quotesAll }) { Forced = forced };
    }

    /// <summary>FORCE_NULL and FORCE_NOT_NULL as they were written.</summary>
    public IReadOnlyList<CopyOption> Forced { get; private init; } = [];

    /// <summary>The options with the columns of FORCE_NULL and FORCE_NOT_NULL as places of fields.</summary>
    /// <param name="table">Where the rows go.</param>
    /// <param name="ordinals">Columns of the fields.</param>
    public CopyOptions OptionsFor(TableDef table, int[] ordinals)
    {
        CopyOptions options = Options;
        foreach (CopyOption option in Forced)
        {
            var fields = new bool[ordinals.Length];
            foreach (string column in option.Columns)
            {
                int field = Array.FindIndex(ordinals, ordinal => table.Columns[ordinal].Name == column);
                if (field < 0)
                {
                    throw table.FindColumn(column) < 0
                        ? new DbException(SqlStates.UndefinedColumn, $"column \"{column}\" of relation \"{table.Name}\" does not exist", position: option.Position)
                        : new DbException(SqlStates.InvalidColumnReference, $"{option.Name.ToUpperInvariant()} column \"{column}\" not referenced by COPY", position: option.Position);
                }

                fields[field] = true;
            }

            options = option.Name == "force_null" ? options with { ForceNull = fields } : options with { ForceNotNull = fields };
        }

        return options;
    }

    private static CopyForm Form(CopyOption option) => option.Value switch
    {
        "text" => CopyForm.Text,
        "csv" => CopyForm.Csv,
        "binary" => CopyForm.Binary,
        _ => throw new DbException(SqlStates.InvalidParameterValue, $"COPY format \"{option.Value}\" not recognized", position: option.Position),
    };

    private static CopyHeader Header(CopyOption option, bool isFrom) => option.Value switch
    {
        null or "true" or "on" or "1" => CopyHeader.Present,
        "false" or "off" or "0" => CopyHeader.None,
        "match" when isFrom => CopyHeader.Match,
        _ => throw new DbException(SqlStates.InvalidParameterValue, "header requires a Boolean value or \"match\"", position: option.Position),
    };

    private static void CheckEncoding(CopyOption option)
    {
        if (option.Value?.Replace("-", "").ToUpperInvariant() is not ("UTF8" or "UNICODE" or "SQL_ASCII"))
        {
            throw new DbException(SqlStates.FeatureNotSupported, $"encoding \"{option.Value}\" is not supported", hint: "Use UTF8.", position: option.Position);
        }
    }
}
