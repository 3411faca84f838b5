import CKernels

@testable import Kernels

extension Rows {
    /// The numbers, row-major.
    var values: [Float] {
        (0..<count).flatMap { row -> [Float] in
            var numbers = [Float](repeating: 0, count: columns)
            let from = base + row * stride
            switch storage {
            case .float32:
                for c in 0..<columns {
                    numbers[c] = from.load(fromByteOffset: 4 * c, as: Float.self)
                }
            case .bfloat16:
                for c in 0..<columns {
                    let upper = from.load(fromByteOffset: 2 * c, as: UInt16.self)
                    numbers[c] = Float(bitPattern: UInt32(upper) << 16)
                }
            }
            return numbers
        }
    }

    /// Sets the numbers, rounded where they must be.
    func fill(_ numbers: [Float]) {
        precondition(numbers.count == count * columns)
        for row in 0..<count {
            let to = base + row * stride
            for c in 0..<columns {
                let number = numbers[row * columns + c]
                switch storage {
                case .float32: to.storeBytes(of: number, toByteOffset: 4 * c, as: Float.self)
                case .bfloat16:
                    to.storeBytes(of: bfloat16(number), toByteOffset: 2 * c, as: UInt16.self)
                }
            }
        }
    }
}

/// To nearest, ties to even, by the definition: the neighbour that is nearer, and of two equally
/// near the one whose last bit is 0.
func bfloat16(_ x: Float) -> UInt16 {
    let low = UInt16(x.bitPattern >> 16)
    guard x.isFinite else { return x.isNaN ? low | 0x40 : low }
    let rest = x.bitPattern & 0xffff
    let up = rest > 0x8000 || (rest == 0x8000 && low % 2 == 1)
    return up ? low + 1 : low
}

/// `x` rounded to bfloat16 and back.
func rounded(_ x: Float) -> Float { Float(bitPattern: UInt32(bfloat16(x)) << 16) }
