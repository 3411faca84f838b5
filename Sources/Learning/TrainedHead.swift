internal import Checkpoints

/// A head that was fitted on stored embeddings, and where it belongs.
package struct TrainedHead: Sendable, Equatable {
    /// The name that requests ask for it by.
    package let name: String
    /// The model whose vectors it takes: the fingerprint in lower-case hexadecimal, 64 digits.
    package let modelFingerprint: String
    /// Labels and weights.
    package let head: LinearHead
    /// How it came about.
    package let training: Training

    /// How it was fitted, and how well it did on rows that it had not seen.
    package struct Training: Sendable, Equatable, Codable {
        /// Where the labels came from: a path in the documents' metadata.
        package var labelField: String
        /// How many it was fitted on.
        package var documents: Int
        /// Into how many parts they were divided.
        package var folds: Int
        /// The chosen inverse of the L2 penalty (scikit-learn's C).
        package var inverseRegularization: Double
        /// Out of fold.
        package var metrics: HeadMetrics

        /// A record with these parts.
        package init(
            labelField: String, documents: Int, folds: Int, inverseRegularization: Double,
            metrics: HeadMetrics
        ) {
            self.labelField = labelField
            self.documents = documents
            self.folds = folds
            self.inverseRegularization = inverseRegularization
            self.metrics = metrics
        }
    }

    /// A head with these parts; `isValid(name:)` has to hold.
    package init(name: String, modelFingerprint: String, head: LinearHead, training: Training) {
        precondition(Self.isValid(name: name))
        self.name = name
        self.modelFingerprint = modelFingerprint
        self.head = head
        self.training = training
    }

    /// Whether a head can be called so: 1 to 64 letters, digits, `-`, `_` and `.`, not starting with a
    /// dot. It is the name of a file, too.
    package static func isValid(name: String) -> Bool {
        (1...64).contains(name.utf8.count) && name.utf8.first != UInt8(ascii: ".")
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                    UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }
}

/// Why a head's file cannot be used, or not be written.
package enum HeadFileError: Error, Sendable, CustomStringConvertible {
    /// The safetensors file itself is wrong, or cannot be written.
    case file(any Error)
    /// No head can be written into the folder.
    case notWritable(path: String, reason: String)
    /// It is another kind of file, or a later version's.
    case notAHead(path: String, reason: String)
    /// Its parts do not fit together.
    case inconsistent(path: String, reason: String)

    package var description: String { message.printable }

    private var message: String {
        switch self {
        case .file(let error): "\(error)"
        case .notWritable(let path, let reason): "\(path): cannot be written: \(reason)"
        case .notAHead(let path, let reason): "\(path) is not a head: \(reason)"
        case .inconsistent(let path, let reason): "\(path): \(reason)"
        }
    }
}
