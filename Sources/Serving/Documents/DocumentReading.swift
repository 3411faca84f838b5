import DocumentStore
package import Tokenization

/// How a question about a kept document wants its text read. What it leaves open is as the document was
/// put, so that the answer belongs to what is kept.
package struct DocumentReading: Sendable {
    /// Whether a text over the window may be cut.
    package var truncate: Bool?
    /// The same where neither the question nor the document says.
    package var truncatesByDefault = true
    /// Which end of a long text stays; nil as the document was put.
    package var truncationSide: TruncationSide?
    /// Windows for a long text; nil as the document was put.
    package var windows: TextWindows?
    /// The prompt before the text; nil as the document was put.
    package var promptName: String?
    /// What the cache may do.
    package var cache = CachePolicy()

    /// As the document was put.
    package init() {}

    /// The rules for a document with this encoding; nil has none.
    func rules(for record: EncodingRecord?) -> EncodingRules {
        let kept = record.map { DocumentOptions($0.options) }
        let wasCut = record.map { $0.tokensUsed < $0.tokens } ?? false
        return EncodingRules(
            truncate: truncate ?? (wasCut || truncatesByDefault),
            truncationSide: truncationSide ?? kept?.truncationSide ?? .right,
            windows: windows ?? kept?.windows, promptName: promptName ?? kept?.promptName,
            cache: cache)
    }

    /// Whether `record` is what a model would make under `rules`, which came of it.
    func isKept(_ record: EncodingRecord, _ rules: EncodingRules, by model: LoadedModel) -> Bool {
        guard record.fingerprint == model.fingerprint else { return false }
        let kept = DocumentOptions(record.options)
        func prompt(_ name: String?) -> String {
            name.map { model.prompts.byName[$0] ?? $0 } ?? model.prompts.default ?? ""
        }
        let digest = kept.promptDigest ?? DocumentOptions.digest(prompt(kept.promptName))
        guard digest == DocumentOptions.digest(prompt(rules.promptName)) else { return false }
        // A text that the window holds is read in one way only.
        if record.tokens <= model.window { return true }
        guard rules.windows == kept.windows else { return false }
        return rules.windows != nil
            || rules.truncate && rules.truncationSide == kept.truncationSide
    }
}
