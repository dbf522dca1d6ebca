namespace Picodata.Sql.SystemViews;

/// <summary>pg_type and pg_proc entries of the types that exist here, with PostgreSQL's own numbers: drivers check them.</summary>
internal static class PgTypeShapes
{
    /// <summary>oid name len byval type category preferred elem array input output receive send modin modout subscript align storage collation.</summary>
    public const string Types = """
        16 bool 1 t b B t 0 1000 1242 1243 2436 2437 0 0 0 c p 0
        17 bytea -1 f b U f 0 1001 1244 31 2412 2413 0 0 0 i x 0
        18 char 1 t b Z f 0 1002 1245 33 2434 2435 0 0 0 c p 0
        19 name 64 f b S f 18 1003 34 35 2422 2423 0 0 6180 c p 950
        20 int8 8 t b N f 0 1016 460 461 2408 2409 0 0 0 d p 0
        21 int2 2 t b N f 0 1005 38 39 2404 2405 0 0 0 s p 0
        22 int2vector -1 f b A f 21 1006 40 41 2410 2411 0 0 6179 i p 0
        23 int4 4 t b N f 0 1007 42 43 2406 2407 0 0 0 i p 0
        24 regproc 4 t b N f 0 1008 44 45 2444 2445 0 0 0 i p 0
        25 text -1 f b S t 0 1009 46 47 2414 2415 0 0 0 i x 100
        26 oid 4 t b N t 0 1028 1798 1799 2418 2419 0 0 0 i p 0
        28 xid 4 t b U f 0 1011 50 51 2440 2441 0 0 0 i p 0
        30 oidvector -1 f b A f 26 1013 54 55 2420 2421 0 0 6179 i p 0
        114 json -1 f b U f 0 199 321 322 323 324 0 0 0 i x 0
        194 pg_node_tree -1 f b Z f 0 0 195 196 197 198 0 0 0 i x 100
        199 _json -1 f b A f 114 0 750 751 2400 2401 0 0 6179 i x 0
        700 float4 4 t b N f 0 1021 200 201 2424 2425 0 0 0 i p 0
        701 float8 8 t b N t 0 1022 214 215 2426 2427 0 0 0 d p 0
        705 unknown -2 f p X f 0 0 109 110 2416 2417 0 0 0 c p 0
        1000 _bool -1 f b A f 16 0 750 751 2400 2401 0 0 6179 i x 0
        1001 _bytea -1 f b A f 17 0 750 751 2400 2401 0 0 6179 i x 0
        1002 _char -1 f b A f 18 0 750 751 2400 2401 0 0 6179 i x 0
        1003 _name -1 f b A f 19 0 750 751 2400 2401 0 0 6179 i x 950
        1005 _int2 -1 f b A f 21 0 750 751 2400 2401 0 0 6179 i x 0
        1006 _int2vector -1 f b A f 22 0 750 751 2400 2401 0 0 6179 i x 0
        1007 _int4 -1 f b A f 23 0 750 751 2400 2401 0 0 6179 i x 0
        1008 _regproc -1 f b A f 24 0 750 751 2400 2401 0 0 6179 i x 0
        1009 _text -1 f b A f 25 0 750 751 2400 2401 0 0 6179 i x 100
        1011 _xid -1 f b A f 28 0 750 751 2400 2401 0 0 6179 i x 0
        1013 _oidvector -1 f b A f 30 0 750 751 2400 2401 0 0 6179 i x 0
        1014 _bpchar -1 f b A f 1042 0 750 751 2400 2401 2913 2914 6179 i x 100
        1015 _varchar -1 f b A f 1043 0 750 751 2400 2401 2915 2916 6179 i x 100
        1016 _int8 -1 f b A f 20 0 750 751 2400 2401 0 0 6179 d x 0
        1021 _float4 -1 f b A f 700 0 750 751 2400 2401 0 0 6179 i x 0
        1022 _float8 -1 f b A f 701 0 750 751 2400 2401 0 0 6179 d x 0
        1028 _oid -1 f b A f 26 0 750 751 2400 2401 0 0 6179 i x 0
        1033 aclitem 12 f b U f 0 1034 1031 1032 0 0 0 0 0 i p 0
        1034 _aclitem -1 f b A f 1033 0 750 751 2400 2401 0 0 6179 i x 0
        1042 bpchar -1 f b S f 0 1014 1044 1045 2430 2431 2913 2914 0 i x 100
        1043 varchar -1 f b S f 0 1015 1046 1047 2432 2433 2915 2916 0 i x 100
        1082 date 4 t b D f 0 1182 1084 1085 2468 2469 0 0 0 i p 0
        1083 time 8 t b D f 0 1183 1143 1144 2470 2471 2909 2910 0 d p 0
        1114 timestamp 8 t b D f 0 1115 1312 1313 2474 2475 2905 2906 0 d p 0
        1115 _timestamp -1 f b A f 1114 0 750 751 2400 2401 2905 2906 6179 d x 0
        1182 _date -1 f b A f 1082 0 750 751 2400 2401 0 0 6179 i x 0
        1183 _time -1 f b A f 1083 0 750 751 2400 2401 2909 2910 6179 d x 0
        1184 timestamptz 8 t b D t 0 1185 1150 1151 2476 2477 2907 2908 0 d p 0
        1185 _timestamptz -1 f b A f 1184 0 750 751 2400 2401 2907 2908 6179 d x 0
        1186 interval 16 f b T t 0 1187 1160 1161 2478 2479 2903 2904 0 d p 0
        1187 _interval -1 f b A f 1186 0 750 751 2400 2401 2903 2904 6179 d x 0
        1231 _numeric -1 f b A f 1700 0 750 751 2400 2401 2917 2918 6179 i x 0
        1700 numeric -1 f b N f 0 1231 1701 1702 2460 2461 2917 2918 0 i m 0
        2205 regclass 4 t b N f 0 2210 2218 2219 2452 2453 0 0 0 i p 0
        2206 regtype 4 t b N f 0 2211 2220 2221 2454 2455 0 0 0 i p 0
        2210 _regclass -1 f b A f 2205 0 750 751 2400 2401 0 0 6179 i x 0
        2211 _regtype -1 f b A f 2206 0 750 751 2400 2401 0 0 6179 i x 0
        2249 record -1 f p P f 0 2287 2290 2291 2402 2403 0 0 0 d x 0
        2276 any 4 t p P f 0 0 2294 2295 0 0 0 0 0 i p 0
        2277 anyarray -1 f p P f 0 0 2296 2297 2502 2503 0 0 0 d x 0
        2278 void 4 t p P f 0 0 2298 2299 3120 3121 0 0 0 i p 0
        2283 anyelement 4 t p P f 0 0 2312 2313 0 0 0 0 0 i p 0
        2287 _record -1 f p P f 2249 0 750 751 2400 2401 0 0 6179 d x 0
        2776 anynonarray 4 t p P f 0 0 2777 2778 0 0 0 0 0 i p 0
        2950 uuid 16 f b U f 0 2951 2952 2953 2961 2962 0 0 0 c p 0
        2951 _uuid -1 f b A f 2950 0 750 751 2400 2401 0 0 6179 i x 0
        3802 jsonb -1 f b U f 0 3807 3806 3804 3805 3803 0 0 6098 i x 0
        3807 _jsonb -1 f b A f 3802 0 750 751 2400 2401 0 0 6179 i x 0
        4089 regnamespace 4 t b N f 0 4090 4084 4085 4087 4088 0 0 0 i p 0
        4090 _regnamespace -1 f b A f 4089 0 750 751 2400 2401 0 0 6179 i x 0
        5077 anycompatible 4 t p P f 0 0 5086 5087 0 0 0 0 0 i p 0
        5078 anycompatiblearray -1 f p P f 0 0 5088 5089 5090 5091 0 0 0 d x 0
        """;

    /// <summary>oid name result arguments of the functions named above.</summary>
    public const string Functions = """
        31 byteaout 2275 17
        33 charout 2275 18
        34 namein 19 2275
        35 nameout 2275 19
        38 int2in 21 2275
        39 int2out 2275 21
        40 int2vectorin 22 2275
        41 int2vectorout 2275 22
        42 int4in 23 2275
        43 int4out 2275 23
        44 regprocin 24 2275
        45 regprocout 2275 24
        46 textin 25 2275
        47 textout 2275 25
        50 xidin 28 2275
        51 xidout 2275 28
        54 oidvectorin 30 2275
        55 oidvectorout 2275 30
        109 unknownin 705 2275
        110 unknownout 2275 705
        195 pg_node_tree_in 194 2275
        196 pg_node_tree_out 2275 194
        197 pg_node_tree_recv 194 2281
        198 pg_node_tree_send 17 194
        200 float4in 700 2275
        201 float4out 2275 700
        214 float8in 701 2275
        215 float8out 2275 701
        321 json_in 114 2275
        322 json_out 2275 114
        323 json_recv 114 2281
        324 json_send 17 114
        460 int8in 20 2275
        461 int8out 2275 20
        750 array_in 2277 2275 26 23
        751 array_out 2275 2277
        1031 aclitemin 1033 2275
        1032 aclitemout 2275 1033
        1044 bpcharin 1042 2275 26 23
        1045 bpcharout 2275 1042
        1046 varcharin 1043 2275 26 23
        1047 varcharout 2275 1043
        1084 date_in 1082 2275
        1085 date_out 2275 1082
        1143 time_in 1083 2275 26 23
        1144 time_out 2275 1083
        1150 timestamptz_in 1184 2275 26 23
        1151 timestamptz_out 2275 1184
        1160 interval_in 1186 2275 26 23
        1161 interval_out 2275 1186
        1242 boolin 16 2275
        1243 boolout 2275 16
        1244 byteain 17 2275
        1245 charin 18 2275
        1312 timestamp_in 1114 2275 26 23
        1313 timestamp_out 2275 1114
        1701 numeric_in 1700 2275 26 23
        1702 numeric_out 2275 1700
        1798 oidin 26 2275
        1799 oidout 2275 26
        2218 regclassin 2205 2275
        2219 regclassout 2275 2205
        2220 regtypein 2206 2275
        2221 regtypeout 2275 2206
        2290 record_in 2249 2275 26 23
        2291 record_out 2275 2249
        2294 any_in 2276 2275
        2295 any_out 2275 2276
        2296 anyarray_in 2277 2275
        2297 anyarray_out 2275 2277
        2298 void_in 2278 2275
        2299 void_out 2275 2278
        2312 anyelement_in 2283 2275
        2313 anyelement_out 2275 2283
        2400 array_recv 2277 2281 26 23
        2401 array_send 17 2277
        2402 record_recv 2249 2281 26 23
        2403 record_send 17 2249
        2404 int2recv 21 2281
        2405 int2send 17 21
        2406 int4recv 23 2281
        2407 int4send 17 23
        2408 int8recv 20 2281
        2409 int8send 17 20
        2410 int2vectorrecv 22 2281
        2411 int2vectorsend 17 22
        2412 bytearecv 17 2281
        2413 byteasend 17 17
        2414 textrecv 25 2281
        2415 textsend 17 25
        2416 unknownrecv 705 2281
        2417 unknownsend 17 705
        2418 oidrecv 26 2281
        2419 oidsend 17 26
        2420 oidvectorrecv 30 2281
        2421 oidvectorsend 17 30
        2422 namerecv 19 2281
        2423 namesend 17 19
        2424 float4recv 700 2281
        2425 float4send 17 700
        2426 float8recv 701 2281
        2427 float8send 17 701
        2430 bpcharrecv 1042 2281 26 23
        2431 bpcharsend 17 1042
        2432 varcharrecv 1043 2281 26 23
        2433 varcharsend 17 1043
        2434 charrecv 18 2281
        2435 charsend 17 18
        2436 boolrecv 16 2281
        2437 boolsend 17 16
        2440 xidrecv 28 2281
        2441 xidsend 17 28
        2444 regprocrecv 24 2281
        2445 regprocsend 17 24
        2452 regclassrecv 2205 2281
        2453 regclasssend 17 2205
        2454 regtyperecv 2206 2281
        2455 regtypesend 17 2206
        2460 numeric_recv 1700 2281 26 23
        2461 numeric_send 17 1700
        2468 date_recv 1082 2281
        2469 date_send 17 1082
        2470 time_recv 1083 2281 26 23
        2471 time_send 17 1083
        2474 timestamp_recv 1114 2281 26 23
        2475 timestamp_send 17 1114
        2476 timestamptz_recv 1184 2281 26 23
        2477 timestamptz_send 17 1184
        2478 interval_recv 1186 2281 26 23
        2479 interval_send 17 1186
        2502 anyarray_recv 2277 2281
        2503 anyarray_send 17 2277
        2777 anynonarray_in 2776 2275
        2778 anynonarray_out 2275 2776
        2903 intervaltypmodin 23 1263
        2904 intervaltypmodout 2275 23
        2905 timestamptypmodin 23 1263
        2906 timestamptypmodout 2275 23
        2907 timestamptztypmodin 23 1263
        2908 timestamptztypmodout 2275 23
        2909 timetypmodin 23 1263
        2910 timetypmodout 2275 23
        2913 bpchartypmodin 23 1263
        2914 bpchartypmodout 2275 23
        2915 varchartypmodin 23 1263
        2916 varchartypmodout 2275 23
        2917 numerictypmodin 23 1263
        2918 numerictypmodout 2275 23
        2952 uuid_in 2950 2275
        2953 uuid_out 2275 2950
        2961 uuid_recv 2950 2281
        2962 uuid_send 17 2950
        3120 void_recv 2278 2281
        3121 void_send 17 2278
        3803 jsonb_send 17 3802
        3804 jsonb_out 2275 3802
        3805 jsonb_recv 3802 2281
        3806 jsonb_in 3802 2275
        4084 regnamespacein 4089 2275
        4085 regnamespaceout 2275 4089
        4087 regnamespacerecv 4089 2281
        4088 regnamespacesend 17 4089
        5086 anycompatible_in 5077 2275
        5087 anycompatible_out 2275 5077
        5088 anycompatiblearray_in 5078 2275
        5089 anycompatiblearray_out 2275 5078
        5090 anycompatiblearray_recv 5078 2281
        5091 anycompatiblearray_send 17 5078
        6098 jsonb_subscript_handler 2281 2281
        6179 array_subscript_handler 2281 2281
        6180 raw_array_subscript_handler 2281 2281
        """;
}
