import BiGSModel
import HTTPServer
import HTTPTypes
import Serving
import Tokenization

/// Options that all encoding routes share.
struct CommonOptions: Decodable {
    var truncate: Bool?
    var truncationDirection: TruncationDirection?
    var normalize: Bool?
    var dimensions: Int?
    var promptName: String?
    var rawScores: Bool?
    var topK: Int?
}

extension API {
    /// `POST /embed`: text-embeddings-inference's route.
    func embed(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        struct Body: Decodable {
            let inputs: Inputs
        }
        let service = try readiness.service()
        let body = try await decode(WithOptions<Body>.self, request)
        let inputs = body.value.inputs.items
        received(inputs, isSingle: body.value.inputs.isSingle)
        try check(inputs, field: "inputs", limit: settings.maximumClientBatchSize)
        let finish = try finish(body.options, service)
        let result = try await encode { () async throws(ServiceError) in
            try await service.embed(inputs, rules: rules(body.options, request))
        }
        var writer = JSONWriter(capacity: result.vectors.count * 12 * 256)
        writer.array { writer in
            for vector in result.vectors { writer.numbers(finish.apply(vector)) }
        }
        return response(writer, result, inputs)
    }

    /// `POST /predict`: text-embeddings-inference's classification route.
    func predict(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        struct Body: Decodable {
            let inputs: ClassificationInputs
            let head: String?
            let evidence: EvidenceField?
        }
        let service = try readiness.service()
        let body = try await decode(WithOptions<Body>.self, request)
        let inputs = body.value.inputs.items
        received(inputs, isSingle: body.value.inputs.isSingle)
        try check(inputs, field: "inputs", limit: settings.maximumClientBatchSize)
        try checkPrompt(body.options)
        if let top = body.options.topK, top < 1 {
            throw .validation(field: "top_k", "expected 1 or more, got \(top)")
        }
        if let head = body.value.head ?? request.query["head"] {
            return try await predict(
                head: head, body.value.inputs, evidence: body.value.evidence, body.options,
                request, service: service)
        }
        if body.value.evidence?.granularity != nil {
            throw .validation(field: "evidence", "needs a trained head: name one in head")
        }
        let result = try await encode { () async throws(ServiceError) in
            try await service.classify(inputs, rules: rules(body.options, request))
        }
        let classification = Classification(service.loaded)
        var writer = JSONWriter()
        func write(_ scores: [Float], _ writer: inout JSONWriter) {
            let ranked = classification.ranked(
                scores, raw: body.options.rawScores ?? false, top: body.options.topK)
            writer.array { writer in
                for entry in ranked {
                    writer.object { writer in
                        writer.key("score")
                        writer.number(entry.score)
                        writer.key("label")
                        writer.string(entry.label)
                    }
                }
            }
        }
        if body.value.inputs.isSingle {
            write(result.vectors[0], &writer)
        } else {
            writer.array { writer in
                for scores in result.vectors { write(scores, &writer) }
            }
        }
        return response(writer, result, inputs)
    }

    /// Notes for the metrics that a body was readable, and what was in it.
    func received(_ inputs: [EncodingInput], isSingle: Bool) {
        RequestContext.current?.record.received(inputs: inputs.count, isSingle: isSingle)
    }

    /// Runs the service, turning its errors into the API's.
    func encode(
        _ work: () async throws(ServiceError) -> EncodingResult
    ) async throws(APIError) -> EncodingResult {
        do { return try await work() } catch { throw .service(error) }
    }

    /// Refuses lists that are empty or too long, and empty texts.
    func check(_ inputs: [EncodingInput], field: String, limit: Int) throws(APIError) {
        if inputs.isEmpty { throw .validation(field: field, "cannot be empty") }
        if inputs.count > limit {
            throw .tooMany(field: field, count: inputs.count, limit: limit)
        }
        for (index, input) in inputs.enumerated() {
            let isEmpty =
                switch input {
                case .text(let text): text.isEmpty
                case .pair: false
                case .tokens(let ids): ids.isEmpty
                }
            if isEmpty { throw .validation(field: "\(field)[\(index)]", "cannot be empty") }
        }
    }

    /// The truncation that a request asks for, or the server's own, and what its cache may do.
    func rules(_ options: CommonOptions, _ request: ServerRequest) -> EncodingRules {
        EncodingRules(
            truncate: options.truncate ?? settings.autoTruncate,
            truncationSide: options.truncationDirection?.side ?? .right,
            cache: CachePolicy(cacheControl: request.head.headerFields[.cacheControl]))
    }

    /// Normalisation and dimensions, checked against the model's size.
    func finish(
        _ options: CommonOptions, _ service: EncodingService
    ) throws(APIError) -> VectorFinish {
        try checkPrompt(options)
        let size = service.loaded.configuration.hiddenSize
        if let dimensions = options.dimensions, !(1...size).contains(dimensions) {
            throw .validation(
                field: "dimensions", "expected 1 to \(size), got \(dimensions)")
        }
        return VectorFinish(
            normalize: options.normalize ?? true, dimensions: options.dimensions)
    }

    private func checkPrompt(_ options: CommonOptions) throws(APIError) {
        if let name = options.promptName {
            throw .validation(
                field: "prompt_name", "the model has no prompt named \"\(name.prefix(100))\"")
        }
    }

    /// The answer with the headers that say what was done.
    func response(
        _ writer: JSONWriter, _ result: EncodingResult, _ inputs: [EncodingInput]
    ) -> ServerResponse {
        var response = ServerResponse.json(writer)
        RequestContext.current?.record.encoded(result)
        let usage = result.usage
        let characters = inputs.reduce(0) { total, input in
            switch input {
            case .text(let text): total + text.unicodeScalars.count
            case .pair(let first, let second):
                total + first.unicodeScalars.count + second.unicodeScalars.count
            case .tokens: total
            }
        }
        response.headers[.cacheOutcome] = result.cache.rawValue
        if result.cache == .hit, let age = result.age { response.headers[.age] = String(age) }
        response.headers[.computeTokens] = String(usage.reduce(0) { $0 + $1.tokensUsed })
        response.headers[.inputTokens] = String(usage.reduce(0) { $0 + $1.tokens })
        response.headers[.truncatedInputs] = String(usage.count(where: \.isTruncated))
        response.headers[.computeCharacters] = String(characters)
        response.headers[.tokenizationTime] = String(result.timings.tokenization.microseconds)
        response.headers[.queueTime] = String(result.timings.queue.microseconds)
        response.headers[.inferenceTime] = String(result.timings.inference.microseconds)
        return response
    }
}

/// A route's own fields beside the common ones, in one JSON object.
struct WithOptions<Value: Decodable>: Decodable {
    let value: Value
    let options: CommonOptions

    init(from decoder: any Decoder) throws {
        value = try Value(from: decoder)
        options = try CommonOptions(from: decoder)
    }
}
