/// What `/openapi.json` says about a route that the routing table does not.
///
/// Schemas are named; they stand beside the operations, in `Operations+….swift`, as JSON text. What follows from the table
/// (path parameters, keys, content types, and the refusals that come with them) is added where the
/// document is put together, so that it is written once.
struct Operation: Sendable {
    /// A value of the query.
    struct Query: Sendable {
        let name: String
        let description: String
        /// JSON text.
        let schema: String
        /// Whether the value is JSON in text.
        var isJSON = false

        static func flag(_ name: String, _ description: String) -> Query {
            Query(
                name: name, description: description,
                schema: #"{"type":"string","enum":["","true","false","1","0"]}"#)
        }

        static func integer(
            _ name: String, _ range: ClosedRange<Int>, _ description: String
        ) -> Query {
            Query(
                name: name, description: description,
                schema: #"{"type":"integer","minimum":\#(range.lowerBound),"#
                    + #""maximum":\#(range.upperBound)}"#)
        }

        /// A value that is written as JSON.
        static func json(_ name: String, _ schema: String, _ description: String) -> Query {
            Query(
                name: name, description: description,
                schema: OpenAPIDocument.reference(schema), isJSON: true)
        }

        static func text(_ name: String, _ description: String) -> Query {
            Query(
                name: name, description: description,
                schema: #"{"type":"string","pattern":"^[^\u0000]*$"}"#)
        }
    }

    /// What a route answers when all went well.
    enum Answer: Sendable {
        case empty
        /// The name of a schema.
        case json(String)
        /// The name of a line's schema.
        case ndjson(String)
        case text(String)
    }

    enum Tag: String, Sendable, CaseIterable {
        case encoding = "Encoding"
        case documents = "Documents"
        case service = "Service"
    }

    let tag: Tag
    let summary: String
    var query: [Query] = []
    /// The schema of the body, or of one of its lines.
    var body: String?
    /// By status.
    var answers: [Int: Answer]
    /// Header fields of its answers beside those that follow from the rest.
    var headers: [String] = []
    /// Runs the model or reads what it made: the headers and refusals that come with that.
    var encodes = false
    /// Whether a request may choose the model.
    var choosesModel: Bool { tag != .service }
    /// Refusals beyond those that follow from the table.
    var refusals: [Int] = []
}
