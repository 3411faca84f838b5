/// Header fields of answers, and what statuses mean.
extension OpenAPIDocument {
    private static let encodingHeaders: [(name: String, schema: String, meaning: String)] = [
        ("x-compute-tokens", integer, "Tokens the model saw."),
        ("x-input-tokens", integer, "Tokens the texts had."),
        ("x-truncated-inputs", integer, "How many texts were cut."),
        ("x-compute-characters", integer, "Characters the texts had."),
        ("x-tokenization-time", integer, "Microseconds."),
        ("x-queue-time", integer, "Microseconds."),
        ("x-inference-time", integer, "Microseconds."),
        ("x-cache", #"{"type":"string","enum":["hit","miss","mixed"]}"#, "Found or computed."),
        ("age", integer, "Seconds since the oldest found encoding was made."),
    ]
    private static let integer = #"{"type":"integer","minimum":0}"#

    /// The components.
    static let headers: String = {
        let common = [
            ("x-request-id", #"{"type":"string","minLength":1}"#, "The request's id."),
            ("x-total-time", integer, "Microseconds until the answer began."),
            ("www-authenticate", #"{"type":"string"}"#, "How to send a key."),
            ("allow", #"{"type":"string"}"#, "The methods the path takes."),
            ("retry-after", #"{"type":"integer","minimum":1}"#, "Seconds to wait."),
        ]
        let some = [
            (
                "x-scoring",
                #"{"type":"string","enum":["cross-encoder","cosine","entailment","head"]}"#,
                "What judged."
            ),
            ("location", #"{"type":"string"}"#, "The path of a new document."),
        ]
        return (common + some + encodingHeaders.map { ($0.name, $0.schema, $0.meaning) }).map {
            #""\#($0.0)":{"description":"\#($0.2)","schema":\#($0.1)}"#
        }.joined(separator: ",")
    }()

    /// The field of a request that bounds the model's work for it.
    static let requestTimeout = """
        {"name":"x-request-timeout","in":"header","description":"Seconds, with decimals, that the \
        request may take; past them its work is dropped and it is answered 504. Default: the \
        server's --request-timeout.","schema":{"type":"number","exclusiveMinimum":0,"maximum":\
        \(RequestTimeout.maximumSeconds)}}
        """

    /// The model of a request, beside its body.
    static let modelParameter = """
        {"name":"model","in":"query","description":"The model, where the body names none; the first \
        where neither does. Two that differ are refused.","schema":{"enum":"{{models}}"}}
        """

    /// The references of an answer.
    static func headerReferences(of operation: Operation) -> String {
        let names =
            ["x-request-id", "x-total-time"] + operation.headers
            + (operation.encodes ? encodingHeaders.map(\.name) : [])
        return names.map { ##""\##($0)":{"$ref":"#/components/headers/\##($0)"}"## }
            .joined(separator: ",")
    }

    /// A status, in words.
    static func meaning(of status: Int) -> String {
        switch status {
        case 200: "Done."
        case 201: "Made."
        case 204: "Done; there is nothing to say."
        case 400: "Not JSON, or the framing broke."
        case 401: "The key is missing or wrong."
        case 404: "There is no such thing."
        case 405: "The path does not take this method."
        case 408: "The body came too slowly."
        case 413: "The body is too large."
        case 414: "The path and its query are too long."
        case 415: "The content type is another."
        case 422: "A field has a wrong type or value; the message names it."
        case 424: "The checkpoint lacks the head, or the server has no store."
        case 429: "The queue, the memory for bodies or answers, or the exports are full."
        case 431: "The header is too large."
        case 500: "An error of ours; the log has more."
        case 503: "Starting or shutting down."
        case 504: "Not in time, or not in the cache when only that was asked for."
        case 507: "The store is full."
        default: "See the message."
        }
    }
}
