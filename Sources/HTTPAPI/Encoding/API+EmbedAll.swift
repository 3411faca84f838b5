import HTTPServer
import HTTPTypes
import Serving

extension API {
    /// `POST /embed_all`: the state of every token of every text, unpooled: `[[[float]]]`.
    ///
    /// States are large (4,096 x 1,024 numbers are 50 MB of JSON), so the answer is written as it is
    /// read; only short ones are put together first.
    func embedAll(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        struct Body: Decodable {
            let inputs: Inputs
        }
        let body = try await decode(WithOptions<Body>.self, request)
        let service = try service(request, body.options.model)
        let inputs = body.value.inputs.items
        let names = try accept(inputs, "inputs", isSingle: body.value.inputs.isSingle)
        for (field, isGiven) in [
            ("dimensions", body.options.dimensions != nil),
            ("normalize", body.options.normalize == true),
            ("embedding_type", body.options.embeddingType?.isPlainFloat == false),
        ] where isGiven {
            throw .validation(field: field, "token states are given as they are")
        }
        let rules = rules(body.options, request)
        try await holdStates(of: inputs, service, rules)
        let encoded = try await encode(names) { () async throws(ServiceError) in
            try await service.encodeStates(inputs, rules: rules)
        }
        let texts = encoded.texts
        let numbers = texts.reduce(0) { $0 + $1.states.count }
        var response = ServerResponse(status: .ok)
        response.headers[.contentType] = "application/json"
        if numbers <= Self.unstreamedNumbers {
            var bytes: [UInt8] = []
            for piece in StatePieces(texts) { bytes += piece }
            response.body = .bytes(bytes)
        } else {
            response.body = .stream { writer in
                for piece in StatePieces(texts) { try await writer.write(piece) }
            }
        }
        tell(
            EncodingResult(uncached: texts.map(\.usage), timings: encoded.timings),
            inputs, &response.headers)
        return response
    }

    /// The most numbers of an answer that is put together in memory: about 3 MB of JSON.
    private static let unstreamedNumbers = 1 << 18
}

/// The states of texts as JSON, a block of rows at a time.
private struct StatePieces: Sequence, IteratorProtocol {
    private static let rows = 64
    private let texts: [EncodedText]
    private var text = 0
    private var row = 0
    private var isDone = false

    init(_ texts: [EncodedText]) { self.texts = texts }

    mutating func next() -> [UInt8]? {
        if isDone { return nil }
        guard text < texts.count else {
            isDone = true
            return [UInt8(ascii: "]")]
        }
        let size = texts[text].hiddenSize
        let count = texts[text].offsets.count
        var bytes: [UInt8] = []
        if row == 0 {
            bytes.append(text == 0 ? UInt8(ascii: "[") : UInt8(ascii: ","))
            bytes.append(UInt8(ascii: "["))
        }
        let end = Swift.min(row + Self.rows, count)
        for index in row..<end {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            var writer = JSONWriter(capacity: size * 13)
            writer.numbers(Array(texts[text].states[index * size..<(index + 1) * size]))
            bytes += writer.bytes
        }
        row = end
        if row == count {
            bytes.append(UInt8(ascii: "]"))
            text += 1
            row = 0
        }
        return bytes
    }
}
