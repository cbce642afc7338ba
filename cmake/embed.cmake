# SPDX-License-Identifier: MIT
# cmake -DOUT=file.c -DFILES=a.csv;b.csv -P embed.cmake: the files as C strings, in struct shipped_list shipped_lists[].
file(WRITE ${OUT}.tmp "/* Generated from fuzz/known. */\n#include \"cli/formats/shipped.h\"\n\n"
     "const struct shipped_list shipped_lists[] = {\n")
foreach(f ${FILES})
    get_filename_component(name ${f} NAME_WLE)
    file(READ ${f} text)
    string(REPLACE "\\" "\\\\" text "${text}")
    string(REPLACE "\"" "\\\"" text "${text}")
    string(REPLACE "\n" "\\n\"\n     \"" text "${text}")
    file(APPEND ${OUT}.tmp "    {\"${name}\",\n     \"${text}\"},\n")
endforeach()
file(APPEND ${OUT}.tmp "    {0, 0},\n};\n")
file(RENAME ${OUT}.tmp ${OUT})
