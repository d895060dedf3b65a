import Sinter
import Testing

struct ModelReferenceTests {
  @Test(arguments: [
    ("models/a", ModelReference(path: "models/a")),
    ("./a", ModelReference(path: "./a")),
    ("org/a@main", ModelReference(path: "org/a", revision: "main")),
    ("a+b", ModelReference(path: "a", adapters: [AdapterReference(path: "b")])),
    (
      "a@1+b@2+./c",
      ModelReference(
        path: "a", revision: "1",
        adapters: [AdapterReference(path: "b", revision: "2"), AdapterReference(path: "./c")])
    ),
  ])
  func `the string form goes both ways`(text: String, reference: ModelReference) throws {
    #expect(try ModelReference(parsing: text) == reference)
    #expect(reference.description == text)
  }

  @Test(arguments: [
    ("", "the model reference is empty"),
    ("a@b@c", "more than one '@' in 'a@b@c'"),
    ("a+b@c@d", "more than one '@' in 'b@c@d'"),
    ("a@", "nothing on one side of '@' in the model reference 'a@'"),
    ("@a", "nothing on one side of '@' in the model reference '@a'"),
    ("+a", "nothing on one side of '+' in the model reference '+a'"),
    ("a++b", "nothing on one side of '+' in the model reference 'a++b'"),
  ])
  func `half a reference is refused`(text: String, message: String) {
    let fault = #expect(throws: RecipeFault.self) { try ModelReference(parsing: text) }
    #expect(fault?.message == message)
  }

  @Test func `equality is that of the parts`() throws {
    #expect(ModelReference(path: "./a") != ModelReference(path: "a"))
    #expect(ModelReference(path: "a@b") != (try ModelReference(parsing: "a@b")))
    #expect(
      ModelReference(path: "a", overrideArchitecture: "X") != ModelReference(path: "a"))
  }
}
