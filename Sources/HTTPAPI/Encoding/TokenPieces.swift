import Tokenization

/// The tokens of texts as JSON, some at a time: they take thirty times the room of their text.
struct TokenPieces: Sequence, IteratorProtocol {
    /// The bytes past which a piece is handed out.
    private static let bytes = 1 << 16

    private let texts: [(text: String, encoding: Encoding)]
    private let tokenizer: Tokenizer
    private var writer = JSONWriter()
    /// The text whose tokens are being written, once it is begun, and the next of them.
    private var current: ScalarText?
    private var index = 0
    private var position = 0
    private var isDone = false

    init(_ texts: [(text: String, encoding: Encoding)], _ tokenizer: Tokenizer) {
        self.texts = texts
        self.tokenizer = tokenizer
        writer.openArray()
    }

    mutating func next() -> [UInt8]? {
        if isDone { return nil }
        while index < texts.count {
            let (text, encoding) = texts[index]
            let scalars = current ?? begin(text)
            while position < encoding.ids.count {
                write(encoding, of: scalars)
                position += 1
                if writer.bytes.count >= Self.bytes { return writer.take() }
            }
            end()
        }
        writer.closeArray()
        isDone = true
        return writer.take()
    }

    private mutating func begin(_ text: String) -> ScalarText {
        let scalars = ScalarText(text)
        current = scalars
        position = 0
        writer.openArray()
        return scalars
    }

    private mutating func end() {
        writer.closeArray()
        current = nil
        index += 1
    }

    private mutating func write(_ encoding: Encoding, of text: ScalarText) {
        let id = encoding.ids[position]
        let range = encoding.offsets[position]
        let isSpecial = encoding.specialTokensMask[position] != 0
        let token = isSpecial ? tokenizer.token(id) ?? "" : text[range]
        writer.object { writer in
            writer.key("id")
            writer.number(Int(id))
            writer.key("text")
            writer.string(token)
            writer.key("special")
            writer.bool(isSpecial)
            writer.key("start")
            if isSpecial { writer.null() } else { writer.number(range.lowerBound) }
            writer.key("stop")
            if isSpecial { writer.null() } else { writer.number(range.upperBound) }
        }
    }
}
