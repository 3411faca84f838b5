import HTTPServer
import HTTPTypes
import Serving

/// Puts the API's description together (OpenAPI 3.1), from the routing table and from what
/// `Operation`s and schemas say; a test holds the table and the descriptions against each other.
///
/// It describes this server: limits, token ids, dimensions and names are those in force.
struct OpenAPIDocument {
    /// All descriptions, by method and path.
    static let operations = encoding.merging(documents) { first, _ in first }
        .merging(service) { first, _ in first }

    /// All schemas: name, and JSON text.
    static let schemas = encodingSchemas + headSchemas + documentSchemas + serviceSchemas

    /// What this server's own values are written for in the schemas.
    let values: [(placeholder: String, value: String)]
    let version: String
    let needsKey: Bool

    /// The document as JSON text.
    var text: String {
        var text = """
            {"openapi":"3.1.0","info":{"title":"bigs","version":"\(version)",\
            "summary":"Long-document encoding, and a store that can be searched.",\
            "license":{"name":"Apache-2.0","identifier":"Apache-2.0"}},\
            "servers":[{"url":"/"}],"tags":[\(tags)],"security":[\(security)],\
            "paths":{\(paths)},"components":{"securitySchemes":{"key":{"type":"http",\
            "scheme":"bearer"}},"parameters":{"RequestTimeout":\(Self.requestTimeout),\
            "Model":\(Self.modelParameter)},\
            "headers":{\(Self.headers)},"responses":{\(responses)},\
            "schemas":{\(schemas)}}}
            """
        for (placeholder, value) in values {
            text = text.replacing("\"{{\(placeholder)}}\"", with: value)
                .replacing("{{\(placeholder)}}", with: value)
        }
        return text
    }

    private var tags: String {
        Operation.Tag.allCases.map { #"{"name":"\#($0.rawValue)"}"# }.joined(separator: ",")
    }

    private var security: String { needsKey ? #"{"key":[]}"# : "" }

    private var schemas: String {
        Self.schemas.map { #""\#($0.0)":\#($0.1)"# }.joined(separator: ",")
    }

    private var paths: String {
        var order: [String] = []
        var byPath: [String: [Route]] = [:]
        for route in Route.all {
            let path = route.pattern.description
            if byPath[path] == nil { order.append(path) }
            byPath[path, default: []].append(route)
        }
        return order.map { path in
            let operations = (byPath[path] ?? []).compactMap(operation).joined(separator: ",")
            return #""\#(path)":{\#(operations)}"#
        }.joined(separator: ",")
    }

    private func operation(_ route: Route) -> String? {
        guard let operation = Self.operations[Self.name(of: route)] else { return nil }
        var parts = [
            #""operationId":"\#(Self.identifier(of: route))""#,
            #""tags":["\#(operation.tag.rawValue)"]"#, #""summary":"\#(operation.summary)""#,
        ]
        var parameters = route.pattern.parameters.map {
            #"{"name":"\#($0)","in":"path","required":true,"#
                + #""schema":{"type":"string","minLength":1}}"#
        }
        parameters += operation.query.map {
            let schema = #""schema":\#($0.schema)"#
            let value = $0.isJSON ? #""content":{"application/json":{\#(schema)}}"# : schema
            return #"{"name":"\#($0.name)","in":"query","#
                + #""description":"\#($0.description)",\#(value)}"#
        }
        if operation.choosesModel {
            parameters.append(##"{"$ref":"#/components/parameters/Model"}"##)
        }
        if route.access == .key {
            parameters.append(##"{"$ref":"#/components/parameters/RequestTimeout"}"##)
        }
        if !parameters.isEmpty {
            parts.append(#""parameters":[\#(parameters.joined(separator: ","))]"#)
        }
        if let body = operation.body {
            parts.append(
                #""requestBody":{"required":true,"content":{"\#(route.input.rawValue)":"#
                    + #"{"schema":\#(Self.reference(body))}}}"#)
        }
        if route.access == .open { parts.append(#""security":[]"#) }
        parts.append(#""responses":{\#(answers(route, operation))}"#)
        return #""\#(route.method.rawValue.lowercased())":{\#(parts.joined(separator: ","))}"#
    }

    private func answers(_ route: Route, _ operation: Operation) -> String {
        var answers = operation.answers.sorted { $0.key < $1.key }.map { status, answer in
            #""\#(status)":{"description":"\#(Self.meaning(of: status))","headers":{"#
                + Self.headerReferences(of: operation)
                + #"}\#(Self.content(answer))}"#
        }
        let shape = API.speaksOpenAI(route.pattern.description) ? "OpenAI" : ""
        for status in Self.refusals(route, operation).sorted() {
            answers.append(
                ##""\##(status)":{"$ref":"#/components/responses/\##(shape)Refusal\##(status)"}"##)
        }
        return answers.joined(separator: ",")
    }

    /// What can go wrong, as far as the table tells.
    private static func refusals(_ route: Route, _ operation: Operation) -> Set<Int> {
        var statuses: Set<Int> = [400, 405, 431, 500, 503]
        statuses.formUnion(operation.refusals)
        if route.access == .key { statuses.formUnion([401, 422, 504]) }
        if !route.pattern.isLiteral { statuses.insert(404) }
        let takesQuery = !operation.query.isEmpty || operation.choosesModel
        if takesQuery || !route.pattern.isLiteral { statuses.insert(414) }
        if operation.choosesModel { statuses.insert(404) }
        if route.input != .nothing { statuses.formUnion([408, 413, 415, 429]) }
        if operation.encodes { statuses.formUnion([424, 429]) }
        return statuses.subtracting(operation.answers.keys)
    }

    private static let refusalStatuses = [
        400, 401, 404, 405, 408, 413, 414, 415, 422, 424, 429, 431, 500, 503, 504, 507,
    ]

    private var responses: String {
        ["", "OpenAI"].flatMap { shape in
            Self.refusalStatuses.map { status in
                var headers = [Self.header("x-request-id")]
                switch status {
                case 401: headers.append(Self.header("www-authenticate"))
                case 405: headers.append(Self.header("allow"))
                case 429, 503: headers.append(Self.header("retry-after"))
                default: break
                }
                let fields = headers.joined(separator: ",")
                let schema = Self.reference(shape + "Error")
                return #""\#(shape)Refusal\#(status)":{"description":"#
                    + #""\#(Self.meaning(of: status))","headers":{\#(fields)},"#
                    + #""content":{"application/json":{"schema":\#(schema)}}}"#
            }
        }.joined(separator: ",")
    }

    /// The key of ``operations``.
    static func name(of route: Route) -> String { "\(route.method.rawValue) \(route.pattern)" }

    private static func identifier(of route: Route) -> String {
        let words = route.pattern.description.split { !$0.isLetter && !$0.isNumber && $0 != "_" }
            .map(String.init)
        return ([route.method.rawValue.lowercased()] + words).joined(separator: "_")
    }

    static func reference(_ schema: String) -> String {
        ##"{"$ref":"#/components/schemas/\##(schema)"}"##
    }

    private static func header(_ name: String) -> String {
        ##""\##(name)":{"$ref":"#/components/headers/\##(name)"}"##
    }

    private static func content(_ answer: Operation.Answer) -> String {
        switch answer {
        case .empty: ""
        case .json(let schema):
            #","content":{"application/json":{"schema":\#(reference(schema))}}"#
        case .ndjson(let schema):
            // The schema is that of a line; JSON Schema has no word for lines.
            #","content":{"application/x-ndjson":{"x-line-schema":\#(reference(schema))}}"#
        case .text(let type): #","content":{"\#(type)":{"schema":{"type":"string"}}}"#
        }
    }
}
