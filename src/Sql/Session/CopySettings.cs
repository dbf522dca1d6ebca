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
                case "freeze" or "oids" or "force_not_null" or "force_null":
                    break;
                case "encoding":
                    CheckEncoding(option);
                    break;
                default:
                    throw new DbException(SqlStates.SyntaxError, $"option \"{option.Name}\" not recognized", position: option.Position);
            }
        }

        return new CopySettings(CopyOptions.Create(form, delimiter, nullText, quote, escape, header) with { ForceQuoteAll = quotesAll });
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
