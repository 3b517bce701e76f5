# Writes OUTPUT: a C++ file that includes HEADER and defines FUNCTION, which gives the texts of all files
# SOURCE_DIR/PATTERN, in order, as a `const std::vector<TYPE>&` of {name after PREFIX, text}.
file(GLOB files ${SOURCE_DIR}/${PATTERN})
list(SORT files)
set(text "#include \"${HEADER}\"\n\nnamespace striate {\n\nconst std::vector<${TYPE}>& ${FUNCTION}() {\n  using namespace std::string_literals; // any bytes, zeros too\n  static const std::vector<${TYPE}> files = {\n")
foreach(file IN LISTS files)
  get_filename_component(name ${file} NAME)
  file(READ ${file} content HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" content "${content}")
  # Adjacent literals of a few characters each: compilers limit the length of one literal.
  string(REGEX REPLACE "((\\\\x[0-9a-f][0-9a-f])(\\\\x[0-9a-f][0-9a-f])(\\\\x[0-9a-f][0-9a-f])(\\\\x[0-9a-f][0-9a-f])(\\\\x[0-9a-f][0-9a-f])(\\\\x[0-9a-f][0-9a-f])(\\\\x[0-9a-f][0-9a-f])(\\\\x[0-9a-f][0-9a-f]))" "\\1\"\n\"" content "${content}")
  string(APPEND text "{\"${PREFIX}${name}\", \"${content}\"s},\n")
endforeach()
string(APPEND text "  };\n  return files;\n}\n\n} // namespace striate\n")
file(WRITE ${OUTPUT} "${text}")
