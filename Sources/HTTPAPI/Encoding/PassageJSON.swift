import Serving
import Tokenization

/// Passages as the chunk routes answer them.
struct PassageWriter: Sendable {
    /// Normalisation and dimensions of the vectors.
    let finish: VectorFinish
    let type: EmbeddingType
    let returnsText: Bool

    /// About how many bytes these take: a number has some ten digits.
    func bytes(of passages: some Sequence<CutPassage>) -> Int {
        passages.reduce(0) { bytes, cut in
            bytes + 12 * (cut.passage.vector?.count ?? 0)
                + (returnsText ? cut.passage.range.count : 0)
        }
    }

    /// The passages of one text: one object each. Of a span that no token was seen of the vector is null.
    func write(
        _ passages: [CutPassage], of text: String, _ usage: TokenUsage,
        to writer: inout JSONWriter
    ) {
        let scalars = returnsText ? ScalarText(text) : nil
        writer.array { writer in
            for (granularity, passage) in passages {
                writer.object { writer in
                    writer.place(
                        passage.range, of: granularity.name, text: scalars?[passage.range])
                    writer.key("tokens")
                    writer.number(passage.tokens)
                    writer.key("input_tokens")
                    writer.number(usage.tokens)
                    writer.key("input_tokens_used")
                    writer.number(usage.tokensUsed)
                    writer.key("embedding")
                    if let vector = passage.vector {
                        writer.vector(finish.apply(vector), as: type)
                    } else {
                        writer.null()
                    }
                }
            }
        }
    }
}
