using Picodata.Core;
using Picodata.Sql.Types;

namespace Picodata.Sql.Functions;

/// <summary>
/// to_char, to_date, to_timestamp, to_number. A date format with a <c>%</c> in it is Picodata's strftime form, any other
/// PostgreSQL's template patterns.
/// </summary>
internal static class FormattingFunctions
{
    internal static void Add(FunctionBuilder builder)
    {
        SqlType text = SqlType.Text;
        builder.Scalar("to_char", [SqlType.Timestamp, text], text, (a, _) => Moment(a[0].AsMicroseconds, a[0].AsMicroseconds, a[1].AsText, null));
        builder.Scalar("to_char", [SqlType.TimestampTz, text], text, (a, context) =>
            Moment(context.Types.TimeZone.ToLocal(a[0].AsMicroseconds), a[0].AsMicroseconds, a[1].AsText, context.Types.TimeZone), Volatility.Stable);
        builder.Scalar("to_char", [SqlType.Interval, text], text, (a, _) => Datum.Text(DateTimeFormat.Format(a[0].AsInterval, a[1].AsText)));
        builder.Scalar("to_char", [SqlType.Time, text], text, (a, _) => Datum.Text(DateTimeFormat.Format(new Interval(0, 0, a[0].AsMicroseconds), a[1].AsText)));
        builder.Scalar("to_date", [text, text], SqlType.Date, (a, _) =>
            Datum.Date(Calendar.TimestampToDate(Parse(a[0].AsText, a[1].AsText, null))));
        builder.Scalar("to_timestamp", [text, text], SqlType.TimestampTz, (a, context) =>
            Datum.Timestamp(Parse(a[0].AsText, a[1].AsText, context.Types.TimeZone)), Volatility.Stable);
        builder.Binary("to_char", SqlType.Numeric, text, text, (a, b) => Datum.Text(NumberFormat.Get(b.AsText).Format(a.AsNumeric)));
        builder.Binary("to_char", SqlType.Int8, text, text, (a, b) => Datum.Text(NumberFormat.Get(b.AsText).Format(Numeric.FromInt64(a.AsInt))));
        builder.Binary("to_char", SqlType.Float8, text, text, (a, b) => Datum.Text(NumberFormat.Get(b.AsText).Format(Numeric.FromDouble(a.AsDouble))));
        builder.Binary("to_number", text, text, SqlType.Numeric, (a, b) => Datum.Numeric(NumberFormat.Get(b.AsText).ReadNumber(a.AsText)));
    }

    private static Datum Moment(long local, long utc, string format, SessionTimeZone? zone) =>
        !Calendar.IsFinite(local) ? Datum.Null
        : Datum.Text(format.Contains('%') ? StrftimeFormat.Format(local, utc, format, zone) : DateTimeFormat.Format(local, utc, format, zone));

    private static long Parse(string text, string format, SessionTimeZone? zone) =>
        format.Contains('%') || format.Length == 0
            ? StrftimeFormat.Parse(text, format.Length == 0 ? "%F" : format, zone)
            : DateTimeTemplateReader.Parse(text, format, zone);
}
