/* SPDX-License-Identifier: MIT */
/*
 * CPUID as it lies in files that were not made for it: logs of hosted hypervisors, archived mail,
 * XML of other tools. Of a log the guest is what counts; the host's lines beside it are another
 * machine's.
 */
#include "tests/unit/dump_rows.h"

#define VBOX                                                                                       \
    "00:00:01.5 ******* CPUID dump *******\n00:00:01.5          Raw Standard CPUID Leaves\n"       \
    "00:00:01.5      Leaf/sub-leaf  eax      ebx      ecx      edx\n"

static void virtualbox_logs_give_the_guest(void **state)
{
    static const struct good row[] = {
        {VBOX "00:00:01.5 Gst: 00000004/0001  0c000122 01c0003f 0000003f 00000000\n"
              "00:00:01.5 Hst:                1c004122 01c0003f 0000003f 00000000\n"
              "00:00:01.5 Hst: 00000015/0000  00000002 000000d8 00000000 00000000\n"
              "00:00:01.5   FPU - x87 FPU on Chip                 = 1 (1)\n",
         "VirtualBox log", 1, 1, 0, LAST(4, 1, 0x0c000122, 0x01c0003f, 0x3f, 0)},
        /* Before version 5. */
        {"Gst: 00000000  00000005 756e6547 6c65746e 49656e69\r\nHst:           0000000d 1 2 3\r\n",
         "VirtualBox log", 1, 1, 0, LAST(0, 0, 5, 0x756e6547, 0x6c65746e, 0x49656e69)},
    };
    static const char *const bad[][2] = {
        {VBOX "00:00:01.5 Gst: 00000004/0001  0c000122 01c0003f 0000003f\n", "t:4: not \"Gst: "},
        {VBOX "00:00:01.5 Gst: 4/x  1 2 3 4\n", "t:4: not \"Gst: "},
        {VBOX "00:00:01.5 Gst: 00000004/0001  1 2 3 4\n00:00:01.5 Gst: 00000004/0001  1 2 3 5\n",
         "t:5: leaf 0x4 sub-leaf 0x1 stands twice"},
    };

    (void)state;
    each_good(row, sizeof(row) / sizeof(row[0]));
    each_bad(bad, sizeof(bad) / sizeof(bad[0]));
}

static void vmware_logs_give_the_guest_or_the_host(void **state)
{
    static const struct good row[] = {
        {"2021-02-05T17:52:27+08:00| vmx| I005: hostCPUID level 00000001, 0: 0x9 0x8 0x7 0x6\n"
         "2021-02-05T17:52:27+08:00| vmx| I005: guest vs. host CPUID guest name: Intel(R)\n"
         "2021-02-05T17:52:27+08:00| vmx| I005: guest vs. host CPUID guest level 0000000d, 1a: "
         "0x00000001 0x00000002 0x00000003 0x00000004\n"
         "2021-02-05T17:52:27+08:00| vmx| I005: guest vs. host CPUID *host level 0000000d, 1a: "
         "0x00000009 0x00000002 0x00000003 0x00000004\n",
         "VMware log", 1, 1, 0, LAST(0xd, 0x1a, 1, 2, 3, 4)},
        {"Jun 28 23:41:17.988: vmx| guestCPUID level 40000010, 0: 0x0016e360 0x000101d0 0x0 0x0\n",
         "VMware log", 1, 1, 0, LAST(0x40000010, 0, 0x16e360, 0x101d0, 0, 0)},
        {"Aug 18 10:01:57.546: vmx| CPUID[1] level 00000001, 0: 0x1 0x2 0x3 0x4\n"
         "Aug 18 10:01:57.546: vmx| hostCPUID level 00000001, 0: 0x5 0x6 0x7 0x8\n",
         "VMware log", 1, 1, 0, LAST(1, 0, 5, 6, 7, 8)},
    };
    static const char *const bad[][2] = {
        {"vmx| guestCPUID level 00000001, 0: 0x1 0x2 0x3\n", "t:1: not \"level "},
        {"vmx| hostCPUID level 00000001: 0x1 0x2 0x3 0x4\n", "t:1: not \"level "},
    };

    (void)state;
    each_good(row, sizeof(row) / sizeof(row[0]));
    each_bad(bad, sizeof(bad) / sizeof(bad[0]));
}

static void xml_with_input_registers_is_read(void **state)
{
    static const struct good row[] = {
        {"<?xml version=\"1.0\"?>\n<cpuid type=\"x86\">\n<processor>\n"
         "<register eax=\"80000001\" "
         "ecx=\"00000000\">00000000,00000001,00000121,2C100000</register>\n"
         "</processor>\n<processor description=\"x\">\n"
         "<register eax=\"0000000D\" ecx=\"0000003e\">1,2,3,4</register>\n</processor></cpuid>\n",
         "RJCP.CpuId", 2, 2, 1, LAST(0xd, 0x3e, 1, 2, 3, 4)},
        {"<cpuid><processor>\n<register eax=\"4\" ecx=\"0\">1,2,3,4</register>\n"
         "<register eax=\"4\" ecx=\"0\">1,2,3,5</register>\n</processor><processor>\n"
         "<register eax=\"4\" ecx=\"0\">1,2,3,4</register>\n"
         "<register eax=\"4\" ecx=\"0\">1,2,3,5</register>\n</processor></cpuid>\n",
         "RJCP.CpuId", 2, 4, 1, LAST(4, 1, 1, 2, 3, 5)},
    };
    static const char *const bad[][2] = {
        {"<cpuid>\n<register eax=\"1\">1,2,3,4</register>\n", "t:2: not <register"},
        {"<cpuid>\n<register eax=\"1\" ecx=\"g\">1,2,3,4</register>\n", "t:2: not <register"},
        {"<cpuid>\n<register eax=\"1\" ecx=\"0\"/>\n", "t:2: not <register"},
        {"<cpuid>\n<register eax=\"1\" ecx=\"0\">1,2,3</register>\n", "t:2: <register> without"},
        {"<cpuid>\n<register eax=\"1\" ecx=\"0\">1,2,3", "t:2: <register> without"},
    };

    (void)state;
    each_good(row, sizeof(row) / sizeof(row[0]));
    each_bad(bad, sizeof(bad) / sizeof(bad[0]));
}

static void mail_in_quoted_printable_is_read(void **state)
{
    static const struct good row[] = {
        {"Content-Transfer-Encoding: quoted-printable\n\nsee =E2=80=9C a?b=3Dc\nCPU:\n"
         "   0x00000001 0x00: eax=3D0x00000001 ebx=3D0x00000002 ecx=3D0x00000003 edx=\n"
         "=3D0x00000004\n",
         "cpuid -r", 1, 1, 0, LAST(1, 0, 1, 2, 3, 4)},
        {"> CPU:\r\n>  0x00000001 0x00: eax=3D0x00000001 ebx=3D0x2 ecx=3D0x3 ed=\r\nx=3D0x4\r\n",
         "cpuid -r", 1, 1, 0, LAST(1, 0, 1, 2, 3, 4)},
    };

    (void)state;
    each_good(row, sizeof(row) / sizeof(row[0]));
}

#define XEN                                                                                        \
    "CPU:\n   0x40000000 0x00: eax=0x40000005 ebx=0x566e6558 ecx=0x65584d4d edx=0x4d4d566e\n"      \
    "   0x40000003 0x00: eax=0x00000006 ebx=0x00000002 ecx=0x00249f0a edx=0x00000001\n"

static void xen_time_of_older_tools_gets_its_number(void **state)
{
    static const struct good row[] = {
        {XEN "   0x40000003 0x02: eax=0x00000001 ebx=0x00000002 ecx=0xd5551b14 edx=0xffffffff\n",
         "cpuid -r", 1, 3, 0, LAST(0x40000003, 1, 1, 2, 0xd5551b14, 0xffffffff)},
        /* A frequency is what the third has. */
        {XEN "   0x40000003 0x02: eax=0x00249f0a ebx=0x00000000 ecx=0x00000000 edx=0x00000000\n",
         "cpuid -r", 1, 3, 0, LAST(0x40000003, 2, 0x249f0a, 0, 0, 0)},
        {XEN "   0x40000003 0x01: eax=0x00000001 ebx=0x00000002 ecx=0x00000003 edx=0x00000000\n"
             "   0x40000003 0x02: eax=0x00249f0a ebx=0x00000001 ecx=0x00000000 edx=0x00000000\n",
         "cpuid -r", 1, 4, 0, LAST(0x40000003, 2, 0x249f0a, 1, 0, 0)},
    };

    (void)state;
    each_good(row, sizeof(row) / sizeof(row[0]));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(virtualbox_logs_give_the_guest),
    cmocka_unit_test(vmware_logs_give_the_guest_or_the_host),
    cmocka_unit_test(xml_with_input_registers_is_read),
    cmocka_unit_test(mail_in_quoted_printable_is_read),
    cmocka_unit_test(xen_time_of_older_tools_gets_its_number),
};

TEST_MAIN(tests)
