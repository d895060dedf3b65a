import SinterTensors
import Testing

@Suite struct DTypePromotionTests {
  static let types: [DType] = DType.allCases.filter(\.isFloatingPoint)

  @Test func knownPairs() {
    #expect(DType.promoted(.bfloat16, .float16) == .float32)
    #expect(DType.promoted(.bfloat16, .float32) == .float32)
    #expect(DType.promoted(.float16, .float64) == .float64)
    #expect(DType.promoted(.float8E4M3, .bfloat16) == .bfloat16)
    #expect(DType.promoted(.float8E5M2, .float16) == .float16)
    #expect(DType.promoted(.float8E4M3, .float8E5M2) == .float32)
  }

  @Test func everyPairIsSymmetricAndHoldsBoth() {
    for first in Self.types {
      #expect(DType.promoted(first, first) == first)
      for second in Self.types {
        let both = DType.promoted(first, second)
        #expect(both == DType.promoted(second, first))
        #expect(both.bitWidth >= max(first.bitWidth, second.bitWidth))
        #expect(DType.promoted([first, second]) == both)
      }
    }
  }

  @Test func orderOfManyDoesNotMatter() {
    #expect(DType.promoted([]) == nil)
    #expect(DType.promoted([.float8E4M3, .float8E5M2, .bfloat16]) == .bfloat16)
    for a in Self.types {
      for b in Self.types {
        for c in Self.types {
          let orders = [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]]
          #expect(Set(orders.map { DType.promoted($0) }).count == 1)
        }
      }
    }
  }
}
