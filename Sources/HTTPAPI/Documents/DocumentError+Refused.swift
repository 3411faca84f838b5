import DocumentStore
import HTTPTypes
import Serving

extension DocumentError {
    /// The store's own words, files included, where a refusal says only that the store is to blame.
    var causeOfInternal: String? {
        guard case .store(let error) = self, Refused(self).status == .internalServerError else {
            return nil
        }
        return error.description
    }
}

extension Refused {
    /// What a document's trouble is called in HTTP. Paths of files stay inside.
    init(_ error: DocumentError) {
        switch error {
        case .noStore, .noHead, .badHead:
            self.init(
                .init(code: 424, reasonPhrase: "Failed Dependency"), "Backend",
                error.description)
        case .storeUnavailable:
            self.init(.serviceUnavailable, "Unhealthy", "the store is not available")
            retryAfter = 5
        case .notFound: self.init(.notFound, "NotFound", error.description)
        case .encoding(let reason):
            // Of a document a request has one text.
            let refused = Refused(.service(reason, InputNames("text", isSingle: true)))
            var message = error.description
            switch reason {
            case .unsupported, .unfit: message = refused.message
            default: break
            }
            self.init(refused.status, refused.type, message)
            retryAfter = refused.retryAfter
            field = refused.field
        case .store(let reason): self.init(reason)
        }
    }

    /// The same for a document of a list: named by its place, with what became of the others.
    init(_ error: DocumentError, index: Int, kept: Int) {
        self.init(error)
        let place = "documents[\(index)]"
        let isOfField = field.map { message.hasPrefix("\($0): ") } ?? false
        message = place + (isOfField ? "." : ": ") + message
        if kept > 0 { message += "; documents of the list that were kept: \(kept)" }
        field = field.map { "\(place).\($0)" } ?? place
    }

    private init(_ error: StoreError) {
        switch error {
        case .invalid(let name, let reason):
            self.init(.unprocessableContent, "Validation", "\(name): \(reason)")
            field = name
        case .noSuchDocument, .noVector: self.init(.notFound, "NotFound", error.description)
        case .full:
            self.init(
                .init(code: 507, reasonPhrase: "Insufficient Storage"), "StoreFull",
                "there is no room left in the store")
        case .locked, .cancelled, .closed:
            self.init(.serviceUnavailable, "Unhealthy", "the store is busy or closing")
            retryAfter = 1
        case .damagedRow:
            self.init(
                .internalServerError, "Internal",
                "what the store has of it is damaged; the log has more")
        case .notADatabase, .replaced, .notOurs, .corrupt, .newerVersion, .readOnly, .notAFile,
            .other:
            self.init(
                .internalServerError, "Internal", "the store cannot be used; the log has more")
        }
    }
}
