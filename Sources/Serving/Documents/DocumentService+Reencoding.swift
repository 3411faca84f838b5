package import DocumentStore

/// Going over to another model while the old one serves.
extension DocumentService {
    /// A document that this model cannot encode, and why.
    package typealias Refusal = (id: String, reason: ServiceError)

    /// Encodes documents that this model lacks, group by group, until there are none; what is done is
    /// kept, so a run that was stopped goes on where it was. Documents that are changed meanwhile are
    /// met again.
    /// - Parameter progress: told after every group.
    /// - Returns: The documents that the model cannot encode.
    package func reencode(
        progress: (ReencodingProgress) async -> Void
    ) async throws(DocumentError) -> [Refusal] {
        // By bytes, as the store tells ids apart: strings of Swift are equal in every normal form.
        var refused: [[UInt8]: Refusal] = [:]
        var isDone = false
        while !isDone {
            isDone = true
            var row: Int64 = 0
            var state = try await inStore { store throws(StoreError) in
                try await store.reencodingProgress(model: fingerprint)
            }
            while true {
                let next = row
                let pending = try await inStore { store throws(StoreError) in
                    try await store.documentsLacking(model: fingerprint, after: next, limit: 64)
                }
                guard let last = pending.last else { break }
                row = last.row
                let (kept, met) = try await reencode(
                    pending.filter { refused[Array($0.id.utf8)] == nil }, refused: &refused)
                // Whoever comes late, before the row that was reached, is met by another pass.
                if met > 0 { isDone = false }
                state.done += kept
                await progress(state)
            }
        }
        return refused.values.sorted { $0.id.utf8.lexicographicallyPrecedes($1.id.utf8) }
    }

    /// Encodes these documents; answers how many were kept, and how many could be encoded.
    private func reencode(
        _ pending: [PendingDocument], refused: inout [[UInt8]: Refusal]
    ) async throws(DocumentError) -> (kept: Int, met: Int) {
        let documents = pending.map { pending in
            let options = DocumentOptions(pending.options)
            var document = NewDocument(id: pending.id, text: pending.text)
            document.granularities = options.granularities
            document.states = .some(options.states)
            document.rules.truncationSide = options.truncationSide
            document.rules.windows = options.windows
            document.rules.promptName = options.promptName
            return document
        }
        var (kept, met) = (0, 0)
        for group in groups(Array(documents.indices), documents) {
            var encoded: [Reencoded] = []
            var timings = EncodingResult.Timings()
            for (index, result) in await encode(group, documents, &timings) {
                do throws(ServiceError) {
                    // A name may stand for another prompt here.
                    encoded.append(
                        Reencoded(
                            document: pending[index], options: options(of: documents[index]),
                            encoding: try result.get().encoding))
                } catch {
                    guard error.isOfTheInput else { throw .encoding(error) }
                    let id = pending[index].id
                    refused[Array(id.utf8)] = (id, error)
                }
            }
            met += encoded.count
            let done = try await inStore { [encoded] store throws(StoreError) in
                try await store.add(encoded, model: fingerprint)
            }
            kept += done.count { $0 }
        }
        return (kept, met)
    }

    /// Removes every other model's encodings of documents, if this one has encoded all of them.
    package func finishReencoding() async throws(DocumentError) -> Bool {
        try await inStore { store throws(StoreError) in
            try await store.finishReencoding(model: fingerprint)
        }
    }

    /// Gives disk space back that nothing uses.
    package func compact() async throws(DocumentError) -> CompactionReport {
        try await inStore { store throws(StoreError) in try await store.compact() }
    }

    /// A snapshot of documents, each with this model's encoding, or, where there is none, the newest.
    package func export(
        filter: MetadataFilter?, parts: DocumentParts
    ) async throws(DocumentError) -> DocumentExport {
        try await inStore { store throws(StoreError) in
            try await store.export(
                where: filter, parts: parts, model: fingerprint, orNewest: true)
        }
    }
}

extension ServiceError {
    /// Whether this model will never encode what it was given, while it may encode other texts.
    fileprivate var isOfTheInput: Bool {
        switch self {
        case .textTooLong, .unknownToken, .emptyInput, .unsupported, .unfit, .notFinite, .tokenizer,
            .model:
            true
        case .overloaded, .headMissing, .notCached, .cancelled, .deadlinePassed, .shuttingDown:
            false
        }
    }
}
