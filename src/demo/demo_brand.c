/* The brand that does not exist: a mother-and-baby shop (母婴) with four stores, ads, content and a
 * card in each parcel. Every number here is a parameter; README.md says where it comes from. */
#include "demo/demo_private.h"

/* clang-format off */
const struct demo_channel demo_channels[] = {
    /* code            parent     name               kind       share  added buys  cac    month */
    { "store",         NULL,      "线下门店",        "store",   0,     0,    0,    0,     0 },
    { "store-sh",      "store",   "上海静安店",      "store",   0,     0,    0,    0,     0 },
    { "store-sh-g1",   "store-sh", "静安店导购 01",  "store",   0.042, 0.93, 0.94, 2.0,   900 },
    { "store-sh-g2",   "store-sh", "静安店导购 02",  "store",   0.031, 0.88, 0.89, 2.0,   900 },
    { "store-hz",      "store",   "杭州西湖店",      "store",   0,     0,    0,    0,     0 },
    { "store-hz-g1",   "store-hz", "西湖店导购 01",  "store",   0.038, 0.92, 0.92, 2.0,   800 },
    { "store-hz-g2",   "store-hz", "西湖店导购 02",  "store",   0.022, 0.81, 0.84, 2.0,   800 },
    { "store-cd",      "store",   "成都锦江店",      "store",   0,     0,    0,    0,     0 },
    { "store-cd-g1",   "store-cd", "锦江店导购 01",  "store",   0.034, 0.90, 0.91, 2.0,   700 },
    { "store-gz",      "store",   "广州天河店",      "store",   0,     0,    0,    0,     0 },
    { "store-gz-g1",   "store-gz", "天河店导购 01",  "store",   0.036, 0.91, 0.89, 2.0,   800 },
    { "ads",           NULL,      "广告投放",        "ad",      0,     0,    0,    0,     0 },
    { "ads-search",    "ads",     "搜索广告",        "ad",      0.085, 0.62, 0.83, 38.0,  0 },
    { "ads-feed",      "ads",     "信息流广告",      "ad",      0.165, 0.48, 0.64, 24.0,  0 },
    { "ads-moments",   "ads",     "朋友圈广告",      "ad",      0.120, 0.57, 0.70, 31.0,  0 },
    { "kol",           NULL,      "内容种草",        "content", 0,     0,    0,    0,     0 },
    { "kol-note",      "kol",     "图文达人",        "content", 0.095, 0.64, 0.80, 19.0,  3000 },
    { "kol-video",     "kol",     "短视频达人",      "content", 0.080, 0.55, 0.73, 22.0,  4000 },
    { "kol-live",      "kol",     "直播间",          "content", 0.060, 0.70, 0.89, 17.0,  6000 },
    { "package",       NULL,      "包裹卡",          "other",   0.095, 0.86, 0.95, 1.2,   0 },
    { "site",          NULL,      "品牌官网",        "site",    0.047, 0.44, 0.67, 0,     1200 },
    { "sms",           NULL,      "短信触达",        "sms",     0.025, 0.38, 0.60, 4.5,   0 },
    { "call",          NULL,      "AI 外呼",         "call",    0.010, 0.41, 0.58, 6.0,   300 },
    { "partner",       NULL,      "异业合作",        "partner", 0.015, 0.52, 0.63, 3.0,   0 },
    { "referral",      NULL,      "老客推荐",        "referral", 0,    0.89, 0.93, 9.0,   0 },
};
const int demo_channel_count = ARRAY_LEN(demo_channels);
const int demo_referral_channel = ARRAY_LEN(demo_channels) - 1;

const struct demo_product demo_products[] = {
    /* code       name                                price   from to  weight */
    { "DP-NB",    "云朵纸尿裤 NB 码 76 片",           9900,   0,   2,  5.0 },
    { "DP-S",     "云朵纸尿裤 S 码 70 片",            10900,  1,   5,  6.0 },
    { "DP-M",     "云朵纸尿裤 M 码 64 片",            11900,  4,   11, 6.0 },
    { "DP-L",     "云朵纸尿裤 L 码 56 片",            12900,  9,   22, 6.0 },
    { "PP-L",     "云朵拉拉裤 L 码 50 片",            13900,  9,   24, 4.0 },
    { "PP-XL",    "云朵拉拉裤 XL 码 46 片",           14900,  16,  36, 5.0 },
    { "PP-XXL",   "云朵拉拉裤 XXL 码 42 片",          15900,  24,  48, 3.0 },
    { "WP-80",    "婴儿手口湿巾 80 抽 6 包",          4990,   -9,  60, 6.0 },
    { "WP-BIG",   "加厚湿巾 100 抽 10 包",            8990,   -9,  60, 3.0 },
    { "CT-100",   "棉柔巾 100 抽 6 包",               5990,   -9,  60, 4.5 },
    { "BT-240",   "宽口玻璃奶瓶 240 ml",              12800,  -3,  12, 1.6 },
    { "BT-300",   "PPSU 奶瓶 300 ml",                 15800,  3,   18, 1.6 },
    { "NP-M",     "仿真奶嘴 2 只装",                  4590,   0,   14, 2.2 },
    { "SC-LOT",   "婴儿润肤乳 200 ml",                8800,   0,   48, 2.4 },
    { "SC-CRM",   "山茶籽护臀膏 60 g",                6800,   0,   30, 2.6 },
    { "SC-WSH",   "洗发沐浴二合一 400 ml",            9800,   0,   60, 2.4 },
    { "SC-SUN",   "物理防晒乳 50 ml",                 12900,  6,   60, 1.0 },
    { "LD-2L",    "婴儿洗衣液 2 L",                   6990,   -6,  60, 3.0 },
    { "FD-RICE",  "高铁米粉 225 g",                   5800,   5,   14, 2.8 },
    { "FD-PUR",   "果泥组合 12 袋",                   9900,   6,   30, 2.6 },
    { "FD-NOD",   "有机碎面 200 g",                   3690,   8,   36, 2.2 },
    { "FD-SNK",   "溶豆礼盒",                         7900,   8,   40, 2.2 },
    { "FD-CHS",   "奶酪棒 20 支",                     6990,   12,  60, 2.2 },
    { "TY-CLT",   "布书三本装",                       8900,   3,   18, 1.0 },
    { "TY-BLK",   "软胶积木 40 块",                   13900,  8,   36, 1.0 },
    { "CL-BDY",   "四季纯棉连体衣 2 件",              15900,  -3,  18, 1.8 },
    { "CL-SET",   "家居服套装",                       17900,  12,  60, 1.4 },
    { "MM-BELT",  "产后收腹带",                       16900,  -2,  6,  0.9 },
    { "MM-PAD",   "防溢乳垫 100 片",                  5990,   -1,  12, 1.6 },
    { "MM-OIL",   "孕纹护理油 120 ml",                19800,  -9,  1,  1.2 },
    { "ST-LITE",  "轻便折叠推车",                     89900,  3,   36, 0.10 },
    { "CS-360",   "360° 儿童安全座椅",                169900, -2,  36, 0.05 },
};
const int demo_product_count = ARRAY_LEN(demo_products);

const struct demo_tag demo_tags[] = {
    { "channel", "门店", "#2f855a" },     { "channel", "广告", "#c05621" },
    { "channel", "内容", "#b83280" },     { "channel", "老带新", "#2b6cb0" },
    { "identity", "孕期", "#805ad5" },    { "identity", "0-6 月", "#6b46c1" },
    { "identity", "6-12 月", "#553c9a" }, { "identity", "1-3 岁", "#44337a" },
    { "intent", "关注纸尿裤", "#2c7a7b" }, { "intent", "关注辅食", "#285e61" },
    { "activity", "高活跃", "#276749" },  { "activity", "沉默", "#718096" },
    { "spending", "高客单", "#9b2c2c" },  { "spending", "常客", "#975a16" },
    { "spending", "只买促销", "#744210" },
};
const int demo_tag_count = ARRAY_LEN(demo_tags);

/* The hundred-odd most frequent surnames, most frequent first, and characters of given names. */
static const char *const surnames[] = {
    "王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "胡", "郭",
    "何", "林", "罗", "高", "郑", "梁", "谢", "宋", "唐", "许", "韩", "邓", "冯", "曹", "彭", "曾",
    "肖", "田", "董", "潘", "袁", "蔡", "蒋", "余", "于", "杜", "叶", "程", "魏", "苏", "吕", "丁",
    "任", "卢", "姚", "沈", "钟", "姜", "崔", "谭", "陆", "范", "汪", "廖", "石", "金", "韦", "贾",
    "夏", "付", "方", "邹", "熊", "白", "孟", "秦", "邱", "侯", "江", "尹", "薛", "闫", "段", "雷",
    "龙", "黎", "史", "陶", "贺", "毛", "郝", "顾", "龚", "邵", "万", "覃", "武", "钱", "戴", "严",
    "欧阳", "上官", "司徒", "诸葛",
};
static const char *const given[] = {
    "雨", "欣", "怡", "梦", "婷", "佳", "雪", "静", "敏", "琳", "芳", "颖", "洁", "丹", "莉", "慧",
    "艳", "娜", "倩", "晓", "媛", "思", "晨", "涵", "瑶", "悦", "可", "馨", "语", "彤", "月", "云",
    "书", "文", "若", "诗", "宁", "安", "心", "妍", "蕾", "薇", "玲", "燕", "萍", "红", "霞", "秀",
    "英", "华", "玉", "兰", "梅", "春", "明", "辉", "强", "磊", "军", "洋", "勇", "杰", "涛", "超",
    "鹏", "飞", "宇", "浩", "俊", "博", "天", "子", "一", "凡", "泽", "楠", "乐", "希", "然", "清",
};

static const struct region {
    const char *name;
    double weight;
} regions[] = {
    { "广东", 11.8 }, { "江苏", 9.6 }, { "浙江", 9.9 }, { "山东", 7.0 }, { "上海", 8.8 },
    { "四川", 7.4 },  { "河南", 5.4 }, { "北京", 5.6 }, { "湖北", 4.4 }, { "湖南", 4.2 },
    { "福建", 4.1 },  { "安徽", 4.0 }, { "河北", 3.6 }, { "重庆", 3.0 }, { "陕西", 2.7 },
    { "江西", 2.5 },  { "辽宁", 2.5 }, { "广西", 2.2 }, { "云南", 2.0 }, { "山西", 1.8 },
    { "贵州", 1.6 },  { "天津", 1.6 }, { "黑龙江", 1.3 }, { "吉林", 1.2 }, { "内蒙古", 1.1 },
    { "新疆", 1.0 },  { "甘肃", 0.9 }, { "海南", 0.8 }, { "宁夏", 0.4 }, { "青海", 0.3 },
};
/* clang-format on */

struct str demo_name(struct arena *arena, struct random *random)
{
    /* squared: the first of the list are the most frequent */
    double u = random_unit(random);
    size_t surname_count = ARRAY_LEN(surnames);
    size_t surname = (size_t)(u * u * (double)surname_count);
    const char *first = given[random_below(random, ARRAY_LEN(given))];
    const char *second = given[random_below(random, ARRAY_LEN(given))];

    if (random_chance(random, 0.16))
        second = "";
    return str_fmt(arena, "%s%s%s", surnames[surname], first, second);
}

const char *demo_region(struct random *random)
{
    double sum = 0.0, at;
    size_t i = 0;

    for (size_t k = 0; k < ARRAY_LEN(regions); k++)
        sum += regions[k].weight;
    at = random_unit(random) * sum;
    while (i + 1 < ARRAY_LEN(regions) && at >= regions[i].weight)
        at -= regions[i++].weight;
    return regions[i].name;
}
