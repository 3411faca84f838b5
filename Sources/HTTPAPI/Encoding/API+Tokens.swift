import HTTPServer
import HTTPTypes
import Serving
import Tokenization

extension API {
    /// `POST /tokenize`: tokens with their place in the text, in characters (Unicode scalars). Of long
    /// texts they are written as they are read.
    func tokenize(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        struct Body: Decodable {
            let inputs: Texts
            let addSpecialTokens: Bool?
            let promptName: String?
            let model: String?
        }
        let body = try await decode(Body.self, request)
        let service = try service(request, body.model)
        let inputs = body.inputs.items.map(EncodingInput.text)
        let names = InputNames("inputs", isSingle: body.inputs.isSingle)
        try check(inputs, names, limit: settings.maximumClientBatchSize)
        let prompt: String
        do throws(ServiceError) {
            prompt = try service.prompt(named: body.promptName, for: inputs) ?? ""
        } catch {
            throw .service(error)
        }
        let share = try await hold(
            Self.bytesOfToken * body.inputs.items.reduce(0) { $0 + $1.utf8.count })
        var encodings: [(text: String, encoding: Encoding)] = []
        for (index, text) in body.inputs.items.enumerated() {
            let text = body.promptName == nil ? text : prompt + text
            // Each is tokenized by itself, as the first of one.
            let encoding = try await encode(InputNames("inputs") { _ in names[index] }) {
                () async throws(ServiceError) in
                try await service.tokenize(
                    text, addSpecialTokens: body.addSpecialTokens ?? true)
            }
            encodings.append((text, encoding))
        }
        let pieces = TokenPieces(encodings, service.loaded.tokenizer)
        let tokens = encodings.reduce(0) { $0 + $1.encoding.ids.count }
        share.giveBack(max(0, share.amount - Self.bytesOfToken * tokens))
        var response = ServerResponse(headers: [.contentType: "application/json"])
        if tokens <= Self.unstreamedTokens {
            response.body = .bytes(pieces.reduce(into: []) { $0 += $1 })
        } else {
            response.body = .stream { writer in
                for piece in pieces {
                    try await writer.write(piece)
                    // A client that takes all at once must not keep a thread to itself.
                    await Task.yield()
                }
            }
        }
        return response
    }

    /// What a token takes until it is sent: its ids, masks and place. None is shorter than a byte.
    private static let bytesOfToken = 32

    /// The most tokens of an answer that is put together in memory: about 1 MB of JSON.
    private static let unstreamedTokens = 1 << 14

    /// `POST /decode`: token ids back to text.
    func decode(_ request: ServerRequest) async throws(APIError) -> ServerResponse {
        struct Body: Decodable {
            let ids: TokenLists
            let skipSpecialTokens: Bool?
            let model: String?
        }
        let body = try await decode(Body.self, request)
        let service = try service(request, body.model)
        let lists = body.ids.lists
        let names = InputNames("ids", isSingle: body.ids.isSingle)
        try check(
            lists.map(EncodingInput.tokens), names, limit: settings.maximumClientBatchSize)
        let tokenizer = service.loaded.tokenizer
        let tokens = lists.reduce(0) { $0 + $1.count }
        let writer = try await LongWork.run(bytes: 8 * tokens, cancelled: .service(.cancelled)) {
            (isLeft) throws(APIError) in
            var texts: [String] = []
            for (index, ids) in lists.enumerated() {
                do {
                    texts.append(
                        try tokenizer.decode(
                            ids, skipSpecialTokens: body.skipSpecialTokens ?? true,
                            isLeft: isLeft))
                } catch {
                    throw .validation(field: names[index], "\(error)")
                }
                if isLeft() { throw .service(.cancelled) }
            }
            var writer = JSONWriter()
            writer.array { for text in texts { $0.string(text) } }
            return writer
        }
        return .json(writer)
    }
}

/// A text or a list of texts.
struct Texts: Decodable {
    let items: [String]
    /// Whether it was one text and not a list.
    let isSingle: Bool

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            items = [text]
            isSingle = true
        } else if let texts = try container.strings() {
            items = texts
            isSingle = false
        } else {
            throw FieldError(
                field: decoder.codingPath.last?.wireName ?? "inputs",
                reason: "expected a string or a list of strings")
        }
    }
}

/// A list of token ids, or a list of such lists.
private struct TokenLists: Decodable {
    let lists: [[Int32]]
    /// Whether it was one list of ids.
    let isSingle: Bool

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let ids = try? container.decode([Int32].self) {
            lists = [ids]
            isSingle = true
        } else if let lists = try? container.decode([[Int32]].self) {
            self.lists = lists
            isSingle = false
        } else {
            throw FieldError(
                field: "ids", reason: "expected a list of token ids or a list of such lists")
        }
    }
}
