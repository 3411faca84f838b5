import BiGSModel
import HTTPServer
import HTTPTypes
import Serving
import Tokenization

/// Options that encoding routes share. Each may also stand in an object `parameters`, where Hugging
/// Face's clients put them.
struct CommonOptions: Decodable {
    var model: String?
    var reading: ReadingOptions
    var normalize: Bool?
    var dimensions: Int?
    var rawScores: Bool?
    var functionToApply: FunctionName?
    var topK: Int?
    var embeddingType: EmbeddingTypeName?
    var pooling: String?

    private enum CodingKeys: String, CodingKey {
        case model, normalize, dimensions, rawScores, functionToApply, topK, embeddingType
        case pooling, parameters
    }

    init(from decoder: any Decoder) throws {
        let options = try NestedOptions(decoder, parameters: CodingKeys.parameters)
        model = try options.value(.model)
        reading = try ReadingOptions(decoder, inParameters: true)
        normalize = try options.value(.normalize)
        dimensions = try options.value(.dimensions)
        rawScores = try options.value(.rawScores)
        functionToApply = try options.value(.functionToApply)
        topK = try options.value(.topK)
        embeddingType = try options.value(.embeddingType)
        pooling = try options.value(.pooling)
    }
}

/// What is to become of scores, by its name in Hugging Face's pipeline; "default" is what the head's own
/// files say.
struct FunctionName: Decodable {
    let function: ScoreFunction?

    init(from decoder: any Decoder) throws {
        let name = try decoder.singleValueContainer().decode(String.self)
        function = ScoreFunction(rawValue: name)
        if function == nil, name != "default" {
            let names = ScoreFunction.allCases.map { "\"\($0.rawValue)\", " }.joined()
            throw FieldError(
                field: decoder.codingPath.last?.wireName ?? "function_to_apply",
                reason: "expected \(names)\"default\", got \"\(name.prefix(100))\"")
        }
    }
}

extension CommonOptions {
    /// What is to become of a head's scores; nil is what the head's own files say. A function that is named
    /// goes before `raw_scores`.
    var function: ScoreFunction? {
        functionToApply?.function ?? (rawScores == true ? .identity : nil)
    }

    /// Whether scores are answered as they are, where that is the only choice: of trained heads, evidence
    /// and rankings.
    func wantsRaw() throws(APIError) -> Bool {
        switch function {
        case nil: return false
        case .identity?: return true
        case .sigmoid?, .softmax?:
            throw .validation(
                field: "function_to_apply",
                "is for the model's own classes; expected \"none\" or \"default\" here")
        }
    }
}

/// How texts are read: those of a request, or a document that is kept.
struct ReadingOptions {
    var truncate: Bool?
    var truncationSide: TruncationSide?
    /// How a text over the window is read whole; nil: it is cut, or refused.
    var windows: TextWindows?
    var promptName: String?

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case truncate, truncationDirection, long, windowOverlap, promptName, parameters
    }

    /// The fields without `parameters`.
    static let keys: [any CodingKey] = CodingKeys.allCases.filter { $0 != .parameters }

    /// - Parameter inParameters: whether they may stand in `parameters`, too: a document has no such field.
    init(_ decoder: any Decoder, inParameters: Bool) throws {
        let options = try NestedOptions(
            decoder, parameters: inParameters ? CodingKeys.parameters : nil)
        let cut: Truncate? = try options.value(.truncate)
        let direction: TruncationDirection? = try options.value(.truncationDirection)
        let long: LongTexts? = try options.value(.long)
        let overlap: WindowOverlap? = try options.value(.windowOverlap)
        truncate = cut?.isAllowed
        truncationSide = direction?.side ?? cut?.side
        windows = long.map { _ in TextWindows(overlap: overlap?.tokens) }
        promptName = try options.value(.promptName)
    }

    /// The rules that they make; what is not said is the server's own.
    func rules(_ settings: APISettings, cache: CachePolicy) -> EncodingRules {
        EncodingRules(
            truncate: truncate ?? settings.autoTruncate, truncationSide: truncationSide ?? .right,
            windows: windows, promptName: promptName, cache: cache)
    }
}

/// Whether texts are cut: true or false, or Cohere's and NVIDIA's word for the end that gives way.
private struct Truncate: Decodable {
    let isAllowed: Bool
    /// The end that gives way; nil where it is not said.
    var side: TruncationSide?

    private enum Word: String, Decodable, CaseIterable {
        case none = "NONE"
        case start = "START"
        case end = "END"

        init(from decoder: any Decoder) throws { self = try NamedValue.decode(from: decoder) }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard (try? container.decode(String.self)) != nil else {
            isAllowed = try container.decode(Bool.self)
            return
        }
        switch try Word(from: decoder) {
        case .none: isAllowed = false
        case .start: (isAllowed, side) = (true, .left)
        case .end: (isAllowed, side) = (true, .right)
        }
    }
}

/// What to do with a text over the window beside cutting or refusing it.
enum LongTexts: String, Decodable, CaseIterable {
    case windows

    init(from decoder: any Decoder) throws {
        self = try NamedValue.decode(from: decoder)
    }
}

/// A number of tokens, not below 0.
struct WindowOverlap: Decodable {
    let tokens: Int

    init(from decoder: any Decoder) throws {
        tokens = try decoder.singleValueContainer().decode(Int.self)
        guard tokens >= 0 else {
            throw FieldError(field: "window_overlap", reason: "expected 0 or more, got \(tokens)")
        }
    }
}

/// `float`, `int8`, `uint8`, `binary` or `ubinary`; for OpenAI's route also Jina's `base64`.
struct EmbeddingTypeName: Decodable {
    let type: EmbeddingType
    /// Whether it is `base64`: of `float`.
    let isBase64: Bool

    init(from decoder: any Decoder) throws {
        isBase64 = try decoder.singleValueContainer().decode(String.self) == "base64"
        type = isBase64 ? .float : try NamedValue.decode(from: decoder)
    }

    /// Whether it is what an answer has that is asked for nothing.
    var isPlainFloat: Bool { type == .float && !isBase64 }

    /// The type, on a route that has no base64.
    func plain(field: String = "embedding_type") throws(APIError) -> EmbeddingType {
        if isBase64 {
            throw .validation(field: field, "base64 is an answer of /v1/embeddings alone")
        }
        return type
    }
}

/// Values that are one of a few words; what is none of them is refused with the list.
enum NamedValue {
    static func decode<Value: RawRepresentable<String> & CaseIterable>(
        from decoder: any Decoder
    ) throws -> Value {
        let name = try decoder.singleValueContainer().decode(String.self)
        guard let value = Value(rawValue: name) else {
            let names = Value.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            throw FieldError(
                field: decoder.codingPath.last?.wireName ?? "body",
                reason: "expected \(names), got \"\(name.prefix(100))\"")
        }
        return value
    }
}

/// A route's own fields beside the common ones, in one JSON object.
struct WithOptions<Value: Decodable & Sendable>: Decodable, Sendable {
    let value: Value
    let options: CommonOptions

    init(from decoder: any Decoder) throws {
        value = try Value(from: decoder)
        options = try CommonOptions(from: decoder)
    }
}

/// A route's options that may also stand in an object `parameters`: one container or the other has each.
struct NestedOptions<Key: CodingKey> {
    private let own: KeyedDecodingContainer<Key>
    private let nested: KeyedDecodingContainer<Key>?

    /// `parameters` is the key of the nested object; nil where there is none.
    init(_ container: KeyedDecodingContainer<Key>, parameters: Key?) throws {
        own = container
        if let parameters, own.contains(parameters), try !own.decodeNil(forKey: parameters) {
            nested = try own.nestedContainer(keyedBy: Key.self, forKey: parameters)
        } else {
            nested = nil
        }
    }

    init(_ decoder: any Decoder, parameters: Key?) throws {
        try self.init(decoder.container(keyedBy: Key.self), parameters: parameters)
    }

    func value<Value: Decodable>(_ key: Key) throws -> Value? {
        if let value = try own.decodeIfPresent(Value.self, forKey: key) { return value }
        return try nested?.decodeIfPresent(Value.self, forKey: key)
    }
}

extension API {
    /// The model that a request chose in its body or its query, or the first one; 422 where the two
    /// name different ones.
    func service(
        _ request: ServerRequest, _ inBody: String? = nil
    ) throws(APIError) -> EncodingService {
        let inQuery = request.query["model"]
        if let inBody, let inQuery, inBody != inQuery {
            throw .validation(
                field: "model",
                "is \"\(inBody.prefix(200))\" in the body and \"\(inQuery.prefix(200))\" in the query"
            )
        }
        return try service(named: inBody ?? inQuery)
    }

    /// The model of that name, or the first one for nil.
    func service(named name: String?) throws(APIError) -> EncodingService {
        let registry = try readiness.registry()
        guard let service = registry.service(named: name) else {
            throw .notFound(
                "there is no model \"\((name ?? "").prefix(200))\"; this server has "
                    + registry.names.map { "\"\($0)\"" }.joined(separator: ", "))
        }
        RequestContext.current?.record.asks(service.loaded.name)
        return service
    }

    /// The truncation, windows and prompt that a request asks for, or the server's own, and what its
    /// cache may do.
    func rules(_ options: CommonOptions, _ request: ServerRequest) -> EncodingRules {
        options.reading.rules(settings, cache: cachePolicy(request))
    }

    /// What a request's cache may do.
    func cachePolicy(_ request: ServerRequest) -> CachePolicy {
        CachePolicy(cacheControl: request.head.headerFields[.cacheControl])
    }

    /// Refuses another pooling than the model's, where it would be left out in silence.
    func checkPooling(_ options: CommonOptions, _ service: EncodingService) throws(APIError) {
        let pooling = service.loaded.pooling.rawValue
        if let asked = options.pooling, asked != pooling {
            throw .validation(
                field: "pooling",
                "is \"\(pooling)\" here; /chunk takes others, of granularity document for a whole text"
            )
        }
    }

    /// Normalisation and dimensions, checked against the model's size.
    func finish(
        _ options: CommonOptions, _ service: EncodingService
    ) throws(APIError) -> VectorFinish {
        let size = service.loaded.configuration.hiddenSize
        if let dimensions = options.dimensions, !(1...size).contains(dimensions) {
            throw .validation(
                field: "dimensions", "expected 1 to \(size), got \(dimensions)")
        }
        return VectorFinish(
            normalize: options.normalize ?? true, dimensions: options.dimensions)
    }

    /// `top_k`, checked.
    func top(_ options: CommonOptions) throws(APIError) -> Int? {
        if let top = options.topK, top < 1 {
            throw .validation(field: "top_k", "expected 1 or more, got \(top)")
        }
        return options.topK
    }
}

extension JSONWriter {
    /// A vector in the form that was asked for.
    mutating func vector(_ vector: [Float], as type: EmbeddingType) {
        if let numbers = type.quantized(vector) {
            array { for number in numbers { $0.number(number) } }
        } else {
            numbers(vector)
        }
    }

    /// Labels with their scores, as text-embeddings-inference orders the two.
    mutating func labels(_ entries: [LabelScore]) {
        array { writer in
            for entry in entries {
                writer.object { writer in
                    writer.key("score")
                    writer.number(entry.score)
                    writer.key("label")
                    writer.string(entry.label)
                }
            }
        }
    }

    /// How many tokens a text had, and how many of them were used.
    mutating func tokens(_ usage: TokenUsage) {
        key("tokens")
        number(usage.tokens)
        key("tokens_used")
        number(usage.tokensUsed)
    }

    /// `usage` as OpenAI has it.
    mutating func openAIUsage(_ usage: [TokenUsage]) {
        let tokens = usage.reduce(0) { $0 + $1.tokensUsed }
        key("usage")
        object { writer in
            writer.key("prompt_tokens")
            writer.number(tokens)
            writer.key("total_tokens")
            writer.number(tokens)
        }
    }
}
