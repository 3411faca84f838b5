internal import CKernels
import Glibc

/// The type of weights and of what flows between dense layers. Sums, the residual stream,
/// normalisation, recurrence kernels and pooling are float32 in all of them.
package enum Precision: String, Sendable, Hashable, CaseIterable {
    /// 4 bytes.
    case float32
    /// 2 bytes: float32 without its lower half.
    case bfloat16
    /// Weights of 8 bits with a scale for each output, rows of activations with a scale and a zero
    /// of their own; where not multiplied, activations are bfloat16.
    case int8

    /// What this processor runs when asked for this: itself, or float32 where the instructions are
    /// missing (AVX-512 with BF16, or with VNNI).
    package var resolved: Precision {
        self == .float32 || Processor.multiplies(self) ? self : .float32
    }

    /// How rows between layers are stored.
    var storage: Storage { self == .float32 ? .float32 : .bfloat16 }

    var native: bigs_type {
        switch self {
        case .float32: bigs_float32
        case .bfloat16: bigs_bfloat16
        case .int8: bigs_int8
        }
    }
}

/// Which instructions products run on, where there are several ways.
struct ProductUnit: Sendable {
    /// Whether the matrix unit multiplies. Of bfloat16, the bits differ.
    var usesTiles: Bool
    /// Whether one instruction rounds to bfloat16. The bits are the same without it.
    var roundsAtOnce: Bool

    /// The fastest that this processor has for products of a type.
    init(_ precision: Precision) {
        self.init(
            usesTiles: Processor.hasMatrixUnit(precision),
            roundsAtOnce: Processor.multiplies(.bfloat16))
    }

    init(usesTiles: Bool, roundsAtOnce: Bool) {
        self.usesTiles = usesTiles
        self.roundsAtOnce = roundsAtOnce
    }
}

/// What this processor can do.
package enum Processor {
    /// `BIGS_KERNELS` of the environment, which does without some instructions for comparison:
    /// `portable` without those of this module, `vectors` without a matrix unit, `vnni` without that
    /// and without those for bfloat16.
    private static let kernels = getenv("BIGS_KERNELS").map { String(cString: $0) }

    /// False where products go through oneDNN: without AVX-512.
    static let isVectorised = kernels != "portable" && bigs_product_supported(bigs_float32) != 0

    /// Whether products of this type have instructions here.
    static func multiplies(_ precision: Precision) -> Bool {
        isVectorised && bigs_product_supported(precision.native) != 0
            && (precision != .bfloat16 || kernels != "vnni")
    }

    /// Whether products of this type run on a unit for matrices (AMX), several times as fast as on
    /// vectors.
    static func hasMatrixUnit(_ precision: Precision) -> Bool {
        kernels != "vectors" && kernels != "vnni" && multiplies(precision)
            && bigs_tiles_supported(precision.native) != 0
    }

    /// The processor's name as the system tells it, for reports and for the files of measurements.
    package static let name: String = {
        guard let file = fopen("/proc/cpuinfo", "r") else { return "unknown processor" }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 1024)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(
                decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            guard text.hasPrefix("model name"), let colon = text.firstIndex(of: ":") else {
                continue
            }
            let name = text[text.index(after: colon)...].drop { $0 == " " }
            return String(name.prefix { $0 != "\n" })
        }
        return "unknown processor"
    }()
}
