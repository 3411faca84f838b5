/// Floats in decimal: the shortest digits that read back as the same float, the nearest of those,
/// spelled as Swift's `description` does (`0.25`, `1.0`, `1e-07`).
///
/// The algorithm is Schubfach (R. Giulietti, "The Schubfach way to render doubles", 2020), for 32
/// bits: one table look-up and three products a number, where `description` makes a string.
struct ShortestFloat {
    /// The most bytes that one float takes: `-1.17549435e-38` has 15.
    static let maximumLength = 16

    /// Ten to the power of `exponent`, -31 to 45, as a 64-bit significand, rounded up.
    private static let powers: [UInt64] = [
        0x81ce_b32c_4b43_fcf5, 0xa242_5ff7_5e14_fc32, 0xcad2_f7f5_359a_3b3f, 0xfd87_b5f2_8300_ca0e,
        0x9e74_d1b7_91e0_7e49, 0xc612_0625_7658_9ddb, 0xf796_87ae_d3ee_c552, 0x9abe_14cd_4475_3b53,
        0xc16d_9a00_9592_8a28, 0xf1c9_0080_baf7_2cb2, 0x971d_a050_74da_7bef, 0xbce5_0864_9211_1aeb,
        0xec1e_4a7d_b695_61a6, 0x9392_ee8e_921d_5d08, 0xb877_aa32_36a4_b44a, 0xe695_94be_c44d_e15c,
        0x901d_7cf7_3ab0_acda, 0xb424_dc35_095c_d810, 0xe12e_1342_4bb4_0e14, 0x8cbc_cc09_6f50_88cc,
        0xafeb_ff0b_cb24_aaff, 0xdbe6_fece_bded_d5bf, 0x8970_5f41_36b4_a598, 0xabcc_7711_8461_cefd,
        0xd6bf_94d5_e57a_42bd, 0x8637_bd05_af6c_69b6, 0xa7c5_ac47_1b47_8424, 0xd1b7_1758_e219_652c,
        0x8312_6e97_8d4f_df3c, 0xa3d7_0a3d_70a3_d70b, 0xcccc_cccc_cccc_cccd, 0x8000_0000_0000_0000,
        0xa000_0000_0000_0000, 0xc800_0000_0000_0000, 0xfa00_0000_0000_0000, 0x9c40_0000_0000_0000,
        0xc350_0000_0000_0000, 0xf424_0000_0000_0000, 0x9896_8000_0000_0000, 0xbebc_2000_0000_0000,
        0xee6b_2800_0000_0000, 0x9502_f900_0000_0000, 0xba43_b740_0000_0000, 0xe8d4_a510_0000_0000,
        0x9184_e72a_0000_0000, 0xb5e6_20f4_8000_0000, 0xe35f_a931_a000_0000, 0x8e1b_c9bf_0400_0000,
        0xb1a2_bc2e_c500_0000, 0xde0b_6b3a_7640_0000, 0x8ac7_2304_89e8_0000, 0xad78_ebc5_ac62_0000,
        0xd8d7_26b7_177a_8000, 0x8786_7832_6eac_9000, 0xa968_163f_0a57_b400, 0xd3c2_1bce_cced_a100,
        0x8459_5161_4014_84a0, 0xa56f_a5b9_9019_a5c8, 0xcecb_8f27_f420_0f3a, 0x813f_3978_f894_0985,
        0xa18f_07d7_36b9_0be6, 0xc9f2_c9cd_0467_4edf, 0xfc6f_7c40_4581_2297, 0x9dc5_ada8_2b70_b59e,
        0xc537_1912_364c_e306, 0xf684_df56_c3e0_1bc7, 0x9a13_0b96_3a6c_115d, 0xc097_ce7b_c907_15b4,
        0xf0bd_c21a_bb48_db21, 0x9676_9950_b50d_88f5, 0xbc14_3fa4_e250_eb32, 0xeb19_4f8e_1ae5_25fe,
        0x92ef_d1b8_d0cf_37bf, 0xb7ab_c627_0503_05ae, 0xe596_b7b0_c643_c71a, 0x8f7e_32ce_7bea_5c70,
        0xb35d_bf82_1ae4_f38c,
    ]

    // Held by the value: a global is guarded at each use.
    private let powers = Self.powers

    /// Writes a finite `value` into `bytes` from `position` on, which moves behind it. There must
    /// be room for `maximumLength` bytes.
    func write(_ value: Float, into bytes: inout [UInt8], at position: inout Int) {
        if value.sign == .minus {
            bytes[position] = UInt8(ascii: "-")
            position += 1
        }
        if value == 0 {
            bytes[position] = UInt8(ascii: "0")
            bytes[position + 1] = UInt8(ascii: ".")
            bytes[position + 2] = UInt8(ascii: "0")
            position += 3
            return
        }
        var (digits, exponent) = decimal(value)
        while digits % 10 == 0 {
            digits /= 10
            exponent += 1
        }
        let count = Self.digitCount(digits)
        // 0.digits times ten to the power of `point`.
        let point = count + exponent
        if point < -3 || value.magnitude > 16_777_216 {
            writeScientific(digits, count, point - 1, into: &bytes, at: &position)
        } else if point <= 0 {
            bytes[position] = UInt8(ascii: "0")
            bytes[position + 1] = UInt8(ascii: ".")
            position += 2
            for _ in 0..<(-point) {
                bytes[position] = UInt8(ascii: "0")
                position += 1
            }
            Self.write(digits, count, into: &bytes, at: &position)
        } else if point >= count {
            Self.write(digits, count, into: &bytes, at: &position)
            for _ in 0..<(point - count) {
                bytes[position] = UInt8(ascii: "0")
                position += 1
            }
            bytes[position] = UInt8(ascii: ".")
            bytes[position + 1] = UInt8(ascii: "0")
            position += 2
        } else {
            Self.writePointed(digits, count, point, into: &bytes, at: &position)
        }
    }

    /// The value without its sign as digits times ten to the power of an exponent.
    private func decimal(_ value: Float) -> (digits: UInt32, exponent: Int) {
        let fraction = value.significandBitPattern
        let biased = Int(value.exponentBitPattern)
        let significand = biased == 0 ? fraction : fraction | 1 << 23
        let exponent = (biased == 0 ? 1 : biased) - 150
        if biased != 0, (-23...0).contains(exponent),
            significand & (1 << UInt32(-exponent) - 1) == 0
        {
            return (significand >> UInt32(-exponent), 0)
        }
        let isEven = significand & 1 == 0
        // At a power of two the float below is only half as far away.
        let isUneven = fraction == 0 && biased > 1
        let power = (exponent * 1_262_611 - (isUneven ? 524_031 : 0)) >> 22
        let shift = UInt32(exponent + (-power * 1_741_647) >> 19 + 1)
        let ten = powers[31 - power]
        let low = Self.roundToOdd(ten, (4 * significand - (isUneven ? 1 : 2)) << shift)
        let middle = Self.roundToOdd(ten, (4 * significand) << shift)
        let high = Self.roundToOdd(ten, (4 * significand + 2) << shift)
        let lower = low + (isEven ? 0 : 1)
        let upper = high - (isEven ? 0 : 1)
        let below = middle / 4
        if below >= 10 {
            let tens = below / 10
            let isLowInside = lower <= 40 * tens
            let isHighInside = 40 * tens + 40 <= upper
            if isLowInside != isHighInside { return (tens + (isHighInside ? 1 : 0), power + 1) }
        }
        let isLowInside = lower <= 4 * below
        let isHighInside = 4 * below + 4 <= upper
        if isLowInside != isHighInside { return (below + (isHighInside ? 1 : 0), power) }
        let half = 4 * below + 2
        let roundsUp = middle > half || (middle == half && below & 1 != 0)
        return (below + (roundsUp ? 1 : 0), power)
    }

    /// The upper 32 bits of the 96-bit product, with the last bit set when the rest is not zero.
    private static func roundToOdd(_ ten: UInt64, _ significand: UInt32) -> UInt32 {
        let low = (ten & 0xFFFF_FFFF) * UInt64(significand)
        let high = (ten >> 32) * UInt64(significand) + low >> 32
        return UInt32(truncatingIfNeeded: high >> 32)
            | (UInt32(truncatingIfNeeded: high) > 1 ? 1 : 0)
    }

    private static func digitCount(_ digits: UInt32) -> Int {
        var count = 1
        var bound: UInt32 = 10
        while count < 9, digits >= bound {
            count += 1
            bound &*= 10
        }
        return count
    }

    private static func write(
        _ digits: UInt32, _ count: Int, into bytes: inout [UInt8], at position: inout Int
    ) {
        var rest = digits
        var index = position + count
        while index > position {
            index -= 1
            bytes[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        position += count
    }

    /// `digits` with a point behind the first `point` of them.
    private static func writePointed(
        _ digits: UInt32, _ count: Int, _ point: Int, into bytes: inout [UInt8],
        at position: inout Int
    ) {
        var rest = digits
        var index = position + count + 1
        let pointIndex = position + point
        while index > position {
            index -= 1
            if index == pointIndex {
                bytes[index] = UInt8(ascii: ".")
                continue
            }
            bytes[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        position += count + 1
    }

    private func writeScientific(
        _ digits: UInt32, _ count: Int, _ exponent: Int, into bytes: inout [UInt8],
        at position: inout Int
    ) {
        if count == 1 {
            Self.write(digits, 1, into: &bytes, at: &position)
        } else {
            Self.writePointed(digits, count, 1, into: &bytes, at: &position)
        }
        bytes[position] = UInt8(ascii: "e")
        bytes[position + 1] = exponent < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+")
        position += 2
        Self.write(UInt32(exponent.magnitude), 2, into: &bytes, at: &position)
    }
}
